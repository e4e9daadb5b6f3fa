-- The newest event about a consent, which each evaluation asks for.
CREATE INDEX audit_events_of_consents ON audit_events (subject_id, sequence) WHERE subject_type = 'Consent';
