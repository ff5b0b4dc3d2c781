"""One learner among several processes on a database: its election, and the weights that it publishes."""

from __future__ import annotations

import contextlib
import textwrap
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from dialogue_gym.actions import ActionRunner
from dialogue_gym.domain import load_domain
from dialogue_gym.domain.additions import ACTION, Addition
from dialogue_gym.journal import postgres_link
from dialogue_gym.journal.entry import DOMAIN, StoreError
from dialogue_gym.journal.place import DatabaseUrl
from dialogue_gym.journal.seat import LearnerSeat
from dialogue_gym.journal.store import Store
from dialogue_gym.live.bot import LiveBot
from dialogue_gym.live.checkpoints import checkpoints_in, checkpoints_of
from dialogue_gym.live.handoff import Handoff
from dialogue_gym.live.holds import Hold
from dialogue_gym.live.options import LiveOptions
from dialogue_gym.live.publication import Publication
from dialogue_gym.live.run import open_live_bot
from dialogue_gym.live.sessions import Sessions
from dialogue_gym.live.shared_learner import SharedLearner
from dialogue_gym.live.startup import start_or_resume
from dialogue_gym.live.trainer import Trainer
from dialogue_gym.live.worker import BotUpdates, PublishedBot
from dialogue_gym.nlu.interpreter import FixedFormatInterpreter
from dialogue_gym.teaching.taught_interpreter import TaughtInterpreter
from tests.conftest import TINY, domain_from
from tests.journal.cut import Cut
from tests.live.learning import until
from tests.live.people import comparable
from tests.postgres import PostgresServer
from tests.processes import PROCESSES


def hold(url: str, told: Connection) -> None:
    """Hold the seat until the process is killed."""
    seat = LearnerSeat(DatabaseUrl(url))
    told.send(seat.take())
    told.recv()


def test_another_process_has_the_seat_once_its_holder_is_killed(database: DatabaseUrl) -> None:
    ours, theirs = PROCESSES.Pipe()
    holder = PROCESSES.Process(target=hold, args=(database.url, theirs))
    holder.start()
    assert ours.recv() is True
    seat = LearnerSeat(database)
    try:
        assert not seat.take()
        holder.kill()
        until(seat.take)
        seat.check()
        assert seat.take()
    finally:
        holder.kill()
        holder.join()
        seat.close()


def test_a_holder_whose_connection_is_cut_writes_no_checkpoint_any_more(
    database: DatabaseUrl, postgres: PostgresServer
) -> None:
    """Not even if nobody else took the seat: it cannot know that."""
    first, second = LearnerSeat(database), LearnerSeat(database)
    try:
        assert first.take() and not second.take()
        checkpoints = checkpoints_in(first.data)
        checkpoints.write({}, {})
        where = f"application_name = '{first._link.name}'"
        postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {where}")
        with pytest.raises(OSError, match="another process may be the learner since"):
            checkpoints.write({}, {})
        with pytest.raises(StoreError, match="another process may be the learner since"):
            first.check()
        with pytest.raises(StoreError):
            first.take()
        until(second.take)
        assert len(checkpoints_of(database).paths()) == 1
    finally:
        first.close()
        second.close()


class Learning:
    """The work of the process that learns."""

    def __init__(self, given: LiveOptions, seat: LearnerSeat) -> None:
        self.ended: list[str] = []
        self._stack = contextlib.ExitStack()
        bot = self._stack.enter_context(open_live_bot(given, is_attended=True, seat=seat))
        self.trainer: Trainer = bot.trainer
        self.live = bot.live
        handoff = Handoff(Sessions(bot.live), bot.trainer)
        self.shared = SharedLearner(bot.trainer, seat, handoff, load_domain(given.source), self.ended.append)
        self.shared.start()
        self._stack.callback(self.shared.stop)

    def has_learned(self, store: Store) -> bool:
        return self.trainer.last_entry == store.last_id() and not self.trainer.backlog

    def close(self) -> None:
        self._stack.close()


@contextlib.contextmanager
def elected(given: LiveOptions) -> Iterator[Learning]:
    seat = LearnerSeat(given.store)
    assert seat.take()
    learning = Learning(given, seat)
    try:
        yield learning
    finally:
        learning.close()
        seat.close()


def talk(people: Sessions, person: str) -> None:
    """Hold a conversation, and rate it."""
    for text in ('/inform{"size": "small"}', "/affirm", "/deny"):
        people.reply(person, text)
    people.leave(person)
    people.rate(person, 1.0 if person.endswith("1") else -1.0, is_trusted=True)


def test_weights_learned_from_the_journal_reach_bots_elsewhere(database: DatabaseUrl, tmp_path: Path) -> None:
    """Also after a change of the learner and an addition to the domain; learned again it is the same."""
    file = tmp_path / "tiny.yml"
    file.write_text(textwrap.dedent(TINY))
    original = load_domain(str(file))
    given = LiveOptions(source=str(file), store=database, explore="auto")
    with Store(database, is_shared=True) as store:
        published = PublishedBot(store, original)
        assert published.newer() is None
        with elected(given) as learning:
            until(lambda: checkpoints_of(database).published.exists())
            known = published.newer()
            assert known is not None and known.publication.actor.version == 0
            explorer = published.explorer(known, "auto")
            interpreter = FixedFormatInterpreter(original)
            live = LiveBot(original, store, explorer, interpreter, ActionRunner(original))
            people = Sessions(live)
            updates = BotUpdates(published, known, explorer, people, TaughtInterpreter(original))
            for number in range(20):
                talk(people, f"person {number}")
            until(lambda: learning.has_learned(store))
            first = learning.trainer.learner.updates
            assert first > 100

            def has_arrived() -> bool:
                updates.look()
                return explorer.actor.version == learning.trainer.learner.updates

            until(has_arrived)
            for ours, theirs in zip(
                explorer.actor.weights, learning.trainer.explorer.actor.weights, strict=True
            ):
                assert (ours == theirs).all()
            assert explorer.satisfaction == learning.trainer.explorer.satisfaction != 0
        with elected(given) as learning:
            assert learning.trainer.learner.updates == first
            for number in range(5):
                talk(people, f"person {number}")
            until(lambda: learning.has_learned(store))
            until(has_arrived)
            assert explorer.actor.version > first and not learning.ended
            state = comparable(learning.trainer)
        for path in checkpoints_of(database).paths():
            path.unlink()
        again, _ = start_or_resume(store, original, None)
        again.work()
        assert comparable(again) == state
        with elected(given) as learning:
            store.append("", DOMAIN, Addition(ACTION, "utter_thanks").content(), None, "tina")

            def knows_more() -> bool:
                updates.look()
                return "utter_thanks" in live.domain.actions

            until(knows_more)
            assert "utter_thanks" in explorer.actor.env.action_names
            assert "utter_thanks" in learning.trainer.learner.env.action_names


def test_an_addition_that_waits_for_an_action_is_taken_over_after_it(
    database: DatabaseUrl, tmp_path: Path
) -> None:
    """Nobody writes to the process that learns, so that nothing else reminds it."""
    file = tmp_path / "tiny.yml"
    file.write_text(textwrap.dedent(TINY))
    with elected(LiveOptions(source=str(file), store=database)) as learning:
        with Store(database, is_shared=True) as store:
            holds = learning.live.conversations.holds.by_person
            holds["ann"] = Hold(is_acting=True)
            added = store.append("", DOMAIN, Addition(ACTION, "utter_thanks").content(), None, "tina")
        until(lambda: learning.shared._taught >= added.id)
        assert "utter_thanks" not in learning.live.domain.actions
        holds.clear()
        until(lambda: "utter_thanks" in learning.live.domain.actions)
        assert not learning.ended


def test_weights_are_taken_over_although_the_journal_could_not_be_read_at_first(
    database: DatabaseUrl, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_link, "PATIENCE", 0.5)
    domain = domain_from(TINY)
    with Store(database) as store:
        trainer, _ = start_or_resume(store, domain, None)
        Publication.of(trainer, 0).write(checkpoints_of(database).published)
    with Cut(postgres.port) as cut:
        through = DatabaseUrl(database.url.replace(str(postgres.port), str(cut.port)))
        with Store(through, is_shared=True) as store:
            published = PublishedBot(store, domain)
            cut.is_down = True
            cut.next_answer(False, "reads")
            with pytest.raises(StoreError):
                published.newer()
            cut.is_down = False
            assert published.newer() is not None and published.newer() is None
