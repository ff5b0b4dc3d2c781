"""Messages of a teacher in one process reach the people who are connected to another one."""

from __future__ import annotations

from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.live.late_messages import LateMessages
from tests.live.test_leases import Worker


def test_teachers_messages_are_found_by_other_processes_once(database: DatabaseUrl) -> None:
    here, there = Worker(database), Worker(database)
    heard: list[tuple[str, list[str | None]]] = []
    late = LateMessages(here.sessions, lambda who, said: heard.append((who, [one.text for one in said])))

    def look() -> list[tuple[str, list[str | None]]]:
        here.sessions.expire()  # which finds out about the conversations of others
        late.look()
        found, heard[:] = list(heard), []
        return found

    try:
        assert here.say() == ["Hello"] and look() == []
        (name,) = here.bot.conversations.open
        there.sessions.expire()
        manager = there.sessions.manager
        there.sessions.do(name, lambda: manager.take_over(name, "tina"))
        assert here.say() == [] and look() == []
        there.sessions.do(name, lambda: manager.say(name, "tina", "One moment."))
        assert look() == [("ann", ["One moment."])] and look() == []
        assert here.say() == [] and look() == [], "they came with the answer"
        there.sessions.do(name, lambda: manager.give_back(name, "tina"))
        assert look() == [("ann", ["Hello"])] and look() == []
    finally:
        here.store.close()
        there.store.close()
