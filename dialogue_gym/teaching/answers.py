"""The answers of a teacher: each is in the journal before it takes effect. No input or output of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from dialogue_gym.conversation.events import UserUttered
from dialogue_gym.domain.additions import Addition, extend
from dialogue_gym.journal.entry import EXPERT, PERSON
from dialogue_gym.journal.writer import ConversationWriter
from dialogue_gym.teaching.driver import ConversationDriver
from dialogue_gym.teaching.pending import Change, Proposal


class AnswerWriter:
    """Writer of a teacher's answers in the current conversation of a driver, where they then take effect."""

    def __init__(self, driver: ConversationDriver) -> None:
        """Write where the driver is."""
        self._driver = driver

    def _writer(self, additions: Iterable[Addition] = ()) -> ConversationWriter:
        """Return a writer for an answer; its additions come first, so that an undo of it undoes them."""
        self._driver.forget_notes()
        writer = self._driver.writer()
        for addition in additions:
            writer.addition(addition)
        return writer

    def message(self, message: UserUttered, new: Sequence[Addition]) -> None:
        """Write a message of the user, with the additions that it needs.

        Raises:
            DomainError: a new name is invalid, or taken.
        """
        self._write_message(lambda writer: writer.message(message), new)

    def corrected_message(self, message: UserUttered, new: Sequence[Addition]) -> None:
        """Write the right meaning of the user's last message, with the additions that it needs.

        Raises:
            DomainError: a new name is invalid, or taken.
        """
        self._write_message(lambda writer: writer.corrected_message(message), new)

    def _write_message(self, write: Callable[[ConversationWriter], None], new: Sequence[Addition]) -> None:
        extend(self._driver.domain, new)
        writer = self._writer(new)
        write(writer)
        self._driver.write(writer.take())
        if new:
            self._driver.update_domain()

    def decision(
        self,
        proposal: Proposal,
        action: str,
        right: Sequence[str],
        new: Sequence[Addition] = (),
        by: str | None = None,
    ) -> Change | None:
        """Write a decision, learn from it, and execute it.

        Args:
            proposal: the bot's proposal.
            action: the chosen action.
            right: all actions that are right.
            new: the additions that the action needs.
            by: whose decision it is if it is not the teacher's; nothing is learned from it then.

        Returns:
            The effect on the bot's choice; None without any.
        """
        driver, known = self._driver, self._driver.taught_here()
        writer = self._writer(new)
        details = {"proposal": proposal.best.action, "probability": proposal.best.probability}
        teacher = EXPERT if driver.author == EXPERT else PERSON
        writer.decision(action, by or teacher, right, details=details)
        driver.write(writer.take())
        change = None
        if new:
            driver.update_domain()
            driver.rewind_decision()
        if by is None:
            driver.model.learn(driver.history)
            driver.overruled = driver.overruling(action)
            if driver.overruled is None and action != proposal.best.action and set(right) != set(known):
                change = Change(proposal.best, driver.options()[0], tuple(right))
        driver.execute(action, proposal.is_closing)
        return change

    def end(self) -> None:
        """Write the end of the conversation, without an outcome."""
        writer = self._writer()
        writer.end(None)
        self._driver.write(writer.take())
