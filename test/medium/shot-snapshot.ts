import type { Sql } from '@understudy/db';

/** Of the outbox what is wanted, not whether it was relayed, which is not of the shot. */
const ALL = `
  SELECT (SELECT to_jsonb(v) FROM shot_versions v WHERE v.id = $1) AS version,
    (SELECT jsonb_agg(to_jsonb(t) ORDER BY t.kind, t.start_frame) FROM tasks t WHERE t.shot_version_id = $1) AS tasks,
    (SELECT jsonb_agg(to_jsonb(m) ORDER BY m."cast") FROM cast_members m WHERE m.shot_version_id = $1) AS members,
    (SELECT jsonb_agg(to_jsonb(d)) FROM deliveries d WHERE d.shot_version_id = $1) AS deliveries,
    (SELECT to_jsonb(n) FROM analyses n JOIN shot_versions v ON v.analysis_id = n.id WHERE v.id = $1) AS analysis,
    (SELECT jsonb_agg(to_jsonb(k) ORDER BY k.track) FROM tracks k JOIN shot_versions v ON v.analysis_id = k.analysis_id
      WHERE v.id = $1) AS tracks,
    (SELECT jsonb_agg(e.action ORDER BY e.sequence) FROM audit_events e WHERE e.subject_id = $1::text) AS events,
    (SELECT jsonb_agg(jsonb_build_array(o.stage, o.key) ORDER BY o.created_at, o.id) FROM outbox o
      WHERE o.key = $1::text) AS outbox`;

/** Everything the tables say of a shot version, to see that nothing changed. */
export async function shotSnapshot(sql: Sql, shotVersionId: string): Promise<unknown> {
  const [row] = await sql.query(ALL, [shotVersionId]);
  return row;
}
