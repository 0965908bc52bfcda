"""What PostgreSQL's catalog says of a schema, for comparing two databases."""

from sqlalchemy import Engine, text

_COLUMNS = text("""
SELECT c.relname || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
    k.collname, a.attidentity, a.attnotnull, pg_get_expr(d.adbin, d.adrelid))
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
LEFT JOIN pg_collation k ON k.oid = a.attcollation
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    AND a.attnum > 0 AND NOT a.attisdropped
""")
_CONSTRAINTS = text("""
SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
""")
_INDEXES = text("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
_TRIGGERS = text("""
SELECT tgname, pg_get_triggerdef(oid) || pg_get_functiondef(tgfoid) FROM pg_trigger
WHERE NOT tgisinternal
""")


def tables(engine: Engine) -> dict[str, str]:
    """Columns, constraints and indexes by name, without Alembic's own table."""
    with engine.connect() as connection:
        found = {
            str(name): str(definition)
            for statement in (_COLUMNS, _CONSTRAINTS, _INDEXES)
            for name, definition in connection.execute(statement)
        }
    return {name: text for name, text in found.items() if not name.startswith("alembic_")}


def everything(engine: Engine) -> dict[str, str]:
    """The tables with their triggers."""
    with engine.connect() as connection:
        triggers = {str(name): str(text) for name, text in connection.execute(_TRIGGERS)}
    return tables(engine) | triggers
