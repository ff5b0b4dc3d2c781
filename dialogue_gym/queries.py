"""What is asked of the entries of a journal, in SQL. A key is given as a path of JSON, `$.live`."""

ENTRY = "SELECT * FROM entries WHERE id = ?"
LAST = "SELECT time, revision, kind FROM entries ORDER BY id DESC LIMIT 1"
LAST_ID = "SELECT coalesce(max(id), 0) FROM entries"
RATINGS = "SELECT * FROM entries WHERE kind = 'rating' ORDER BY id"
NAMES = "SELECT DISTINCT conversation FROM entries WHERE conversation GLOB ?"
"""The conversations whose names match a pattern."""
SUMMARIES = """
SELECT conversation, min(time), max(time), count(*) FROM entries
WHERE conversation <> '' GROUP BY conversation ORDER BY max(id)
"""
"""Each conversation: its name, its first and last time, its number of entries."""
BRANCHES = """
WITH RECURSIVE branches(name) AS (
    VALUES (?) UNION
    SELECT child.conversation FROM branches
        JOIN entries AS parent ON parent.conversation = branches.name
        JOIN entries AS child ON child.parent = parent.id
)
SELECT name FROM branches WHERE name <> ? ORDER BY name
"""
"""The forks of a conversation, and theirs; its name is given twice."""
TAUGHT = """
WITH RECURSIVE taught(name) AS (
    SELECT conversation FROM entries
    WHERE kind = 'domain' OR (kind = 'label' AND json_extract(content, '$.by') <> 'bot')
    UNION
    SELECT parent.conversation FROM taught
        JOIN entries AS child ON child.conversation = taught.name
        JOIN entries AS parent ON parent.id = child.parent
)
SELECT * FROM entries WHERE conversation = '' OR conversation IN taught ORDER BY id
"""
"""The entries of conversations that somebody taught in, of what these are forks of, and of none."""
FINISHED = """
SELECT conversation FROM entries AS began
WHERE kind = 'event' AND parent IS NULL AND json_extract(content, ?) IS NOT NULL AND EXISTS (
    SELECT 1 FROM entries WHERE conversation = began.conversation AND kind = 'end'
) AND NOT EXISTS (
    SELECT 1 FROM entries WHERE conversation = began.conversation
        AND kind = 'label' AND json_extract(content, '$.by') <> 'bot'
) AND NOT EXISTS (
    SELECT 1 FROM entries AS parent JOIN entries AS child ON child.parent = parent.id
    WHERE parent.conversation = began.conversation AND child.conversation <> began.conversation
) ORDER BY id
"""
"""The conversations that began with a key, have ended, and were neither taught in nor forked."""
BEGUN = """
SELECT conversation, json_extract(content, ?) FROM entries
WHERE kind = 'event' AND parent IS NULL AND json_extract(content, ?) IS NOT NULL ORDER BY id DESC LIMIT ?
"""
"""The newest conversations that began with a key, which is given twice, and what it says there."""
NOTED = """
SELECT conversation, json_extract(content, ?) FROM entries
WHERE kind = 'note' AND json_type(content, ?) IS NOT NULL ORDER BY id
"""
"""What notes with a key, which is given twice, say under it, by conversation."""
UNFINISHED = """
SELECT conversation, json_extract(content, ?) FROM entries AS began
WHERE kind = 'event' AND parent IS NULL AND json_extract(content, ?) IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM entries WHERE conversation = began.conversation AND kind = 'end'
) ORDER BY id
"""
"""The conversations that began with a key, which is given twice, and have not ended; what it says there."""
