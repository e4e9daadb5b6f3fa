/** One column as schema.prisma asks for it. */
export interface ModelColumn {
  type: string;
  nullable: boolean;
  hasDefault: boolean;
}

export interface ModelTable {
  columns: Record<string, ModelColumn>;
  primaryKey: string[];
  /** Column lists, each joined by a comma. */
  uniques: string[];
  indexes: string[];
  /** `column -> table.column`. */
  references: string[];
}

export interface SchemaModel {
  enums: Record<string, string[]>;
  tables: Record<string, ModelTable>;
}

const SCALARS: Record<string, string> = {
  String: 'text',
  Int: 'int4',
  BigInt: 'int8',
  Boolean: 'bool',
  DateTime: 'timestamptz(3)',
  Json: 'jsonb',
  Bytes: 'bytea',
};
const NATIVE: Record<string, string> = { Uuid: 'uuid', 'Char(64)': 'bpchar(64)', 'Timestamptz(3)': 'timestamptz(3)' };

interface Field {
  name: string;
  type: string;
  arity: string | undefined;
  attributes: string;
}

function blocks(schema: string, keyword: string): { name: string; lines: string[] }[] {
  return [...schema.matchAll(new RegExp(`^${keyword} (\\w+) \\{(.*?)^\\}`, 'gms'))].map(([, name, body]) => ({
    name: name!,
    lines: body!
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('//')),
  }));
}

const mapped = (lines: string[]): string => /@@map\("(\w+)"\)/.exec(lines.join('\n'))![1]!;
const names = (list: string): string[] => list.split(',').map((name) => name.trim());

function fieldsOf(lines: string[]): Field[] {
  return lines
    .filter((line) => !line.startsWith('@@'))
    .map((line) => {
      const [, name, type, arity, attributes] = /^(\w+)\s+(\w+)(\[\]|\?)?\s*(.*)$/.exec(line)!;
      return { name: name!, type: type!, arity, attributes: attributes! };
    });
}

const columnName = (field: Field): string => /@map\("(\w+)"\)/.exec(field.attributes)?.[1] ?? field.name;

function columnOf(field: Field, enums: Map<string, string>): ModelColumn {
  const native = /@db\.(\w+(?:\(\d+\))?)/.exec(field.attributes)?.[1];
  const base = native === undefined ? (enums.get(field.type) ?? SCALARS[field.type]) : NATIVE[native];
  if (base === undefined) throw new Error(`no column type for ${field.name} ${field.type} ${field.attributes}`);
  return {
    type: field.arity === '[]' ? `${base}[]` : base,
    nullable: field.arity === '?',
    hasDefault: field.attributes.includes('@default('),
  };
}

/** What schema.prisma says, as far as a database can show it. Knows only what the schema uses, and throws at the rest. */
export function readSchemaModel(schema: string): SchemaModel {
  const enumBlocks = blocks(schema, 'enum');
  const enumNames = new Map(enumBlocks.map(({ name, lines }) => [name, mapped(lines)]));
  const models = new Map(blocks(schema, 'model').map(({ name, lines }) => [name, lines]));
  const columnsOf = (model: string): Map<string, string> =>
    new Map(fieldsOf(models.get(model)!).map((field) => [field.name, columnName(field)]));

  const tableOf = (name: string, lines: string[]): ModelTable => {
    const columns = columnsOf(name);
    const inColumns = (list: string): string =>
      names(list)
        .map((field) => columns.get(field)!)
        .join(',');
    const ofBlock = (attribute: string): string[] =>
      [...lines.join('\n').matchAll(new RegExp(`@@${attribute}\\(\\[(.*?)\\]`, 'g'))].map(([, list]) =>
        inColumns(list!),
      );
    const fields = fieldsOf(lines);
    const scalars = fields.filter((field) => !models.has(field.type));
    const withAttribute = (attribute: RegExp): string[] =>
      scalars.filter((field) => attribute.test(field.attributes)).map(columnName);
    return {
      columns: Object.fromEntries(scalars.map((field) => [columnName(field), columnOf(field, enumNames)])),
      primaryKey: ofBlock('id')[0]?.split(',') ?? withAttribute(/@id\b/),
      uniques: [...ofBlock('unique'), ...withAttribute(/@unique\b/)].sort(),
      indexes: ofBlock('index').sort(),
      references: fields
        .flatMap((field) => {
          const relation = /fields: \[(\w+)\], references: \[(\w+)\]/.exec(field.attributes);
          if (relation === null) return [];
          const target = models.get(field.type)!;
          return [`${columns.get(relation[1]!)} -> ${mapped(target)}.${columnsOf(field.type).get(relation[2]!)}`];
        })
        .sort(),
    };
  };
  return {
    enums: Object.fromEntries(
      enumBlocks.map(({ lines }) => [mapped(lines), lines.filter((line) => !line.startsWith('@@'))]),
    ),
    tables: Object.fromEntries([...models].map(([name, lines]) => [mapped(lines), tableOf(name, lines)])),
  };
}
