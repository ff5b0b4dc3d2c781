"""The tables of a store in PostgreSQL, made and changed by numbered steps."""

from __future__ import annotations

from dialogue_gym.journal.database import WRONG_FORMAT
from dialogue_gym.journal.entry import StoreError
from dialogue_gym.journal.postgres_link import LOCKS, SCHEMA, PostgresLink

STEPS = (
    """
CREATE TABLE journal_end (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    id bigint NOT NULL,
    time double precision NOT NULL,
    revision integer NOT NULL
);
INSERT INTO journal_end VALUES (true, 0, 0, 0);
CREATE TABLE entries (
    id bigint PRIMARY KEY,
    conversation text NOT NULL,
    parent bigint REFERENCES entries(id),
    kind text NOT NULL,
    content text NOT NULL,
    author text NOT NULL,
    time double precision NOT NULL,
    revision integer NOT NULL,
    facts jsonb
);
CREATE INDEX entries_by_conversation ON entries (conversation, id);
CREATE INDEX entries_by_parent ON entries (parent);
CREATE INDEX entries_by_kind ON entries (kind, id)
    WHERE kind IN ('domain', 'end', 'note', 'rating', 'rename');
CREATE INDEX entries_that_begin ON entries (id) WHERE kind = 'event' AND parent IS NULL;
CREATE INDEX entries_that_teach ON entries (id) WHERE kind = 'label' AND facts ->> 'by' <> 'bot';
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN RAISE EXCEPTION ''entries are never changed''; END';
CREATE TRIGGER entries_are_never_changed BEFORE UPDATE ON entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TABLE notes (name text PRIMARY KEY, text text NOT NULL);
CREATE TABLE writers (
    id uuid PRIMARY KEY,
    began timestamptz NOT NULL,
    write bigint NOT NULL,
    end_id bigint NOT NULL,
    count integer NOT NULL
);
CREATE SEQUENCE file_versions;
CREATE TABLE files (
    name text PRIMARY KEY,
    version bigint NOT NULL DEFAULT nextval('file_versions'),
    data bytea NOT NULL
);
""",
    """
CREATE TABLE leases (person text PRIMARY KEY, holder uuid NOT NULL, until timestamptz NOT NULL);
CREATE TABLE conversation_numbers (
    is_one boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    last bigint NOT NULL
);
CREATE INDEX entries_of_people ON entries ((facts ->> 'live'), id) WHERE kind = 'event' AND parent IS NULL;
CREATE INDEX entries_that_end ON entries (conversation) WHERE kind = 'end';
CREATE INDEX entries_that_note ON entries (conversation, id) WHERE kind = 'note';
""",
)
"""One text of statements for each version of the tables, which leads there from the version before.

1. `journal_end` has one row: the last id, time and revision. Each write of entries changes it, and so waits
   for the write before until that one is committed. `entries` are as in SQLite; `facts` has the short values
   of contents that queries ask for, since PostgreSQL reads no JSON with the character 0. `writers` has the
   last write of each open store: its number, its last id and its size. `files` are those that lie in the
   folder of other stores, by their path.
2. `leases` say which process holds the conversations of a person, and until when; see `Leases`.
   `conversation_numbers` has the last number that the name of a conversation was given. The indexes find a
   person's conversations, their ends and their notes, without the server's statistics, which it makes late.
"""
_VERSIONS = f"{SCHEMA}.versions"
_ALONE = f"SELECT pg_advisory_xact_lock({LOCKS}, 2)"


def version_of(link: PostgresLink) -> int:
    """Return the version of the tables; 0 if there are none.

    Raises:
        StoreError: it is later than this program knows.
    """
    if link.run("SELECT to_regclass(%(name)s)", name=_VERSIONS) == [(None,)]:
        return 0
    version = int(link.run(f"SELECT coalesce(max(version), 0) FROM {_VERSIONS}")[0][0])
    if version > len(STEPS):
        raise StoreError(f"{link.url}: {WRONG_FORMAT.format(version, len(STEPS))}")
    return version


def migrate(link: PostgresLink) -> None:
    """Make the tables, or change those of an earlier version: all steps that are missing, or none.

    Raises:
        StoreError: they are of a later version, or the user may not make tables.
    """
    version = version_of(link)
    statements = [_ALONE]
    if not version:
        if link.run("SELECT current_setting('server_encoding')") != [("UTF8",)]:
            raise StoreError(
                f"{link.url}: the encoding of this database is not UTF8; make one with:"
                " createdb --encoding UTF8"
            )
        statements += [
            f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}",
            f"CREATE TABLE IF NOT EXISTS {_VERSIONS} (version integer PRIMARY KEY, since timestamptz)",
        ]
    for number, step in enumerate(STEPS[version:], version + 1):
        statements += [f"INSERT INTO {_VERSIONS} VALUES ({number}, now())", step]
    if version < len(STEPS):
        try:
            link.run("; ".join(statements))  # several statements in one text are one transaction
        except StoreError:
            if version_of(link) < len(STEPS):  # otherwise another process has made them meanwhile
                raise
