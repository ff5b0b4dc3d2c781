"""Agents that talk to a user in text: a chat model, and an agent that acts on observations."""

from __future__ import annotations

import abc

from dialogue_gym.policies.agent import Agent
from dialogue_gym.text.chat_endpoint import ChatEndpoint, Usage
from dialogue_gym.text.chat_messages import ChatMessages
from dialogue_gym.text.dialogue import TextDialogue
from dialogue_gym.text.replies import Reply
from dialogue_gym.text.tools import tools_of


class TextAgent(abc.ABC):
    """An agent that replies to a user's sentences.

    Attributes:
        name: the name of the agent.
        usage: the cost so far.
    """

    name: str
    usage: Usage

    @abc.abstractmethod
    def begin(self, dialogue: TextDialogue) -> None:
        """Forget the last dialogue; this one has just begun."""

    @abc.abstractmethod
    def reply(self, message: str) -> Reply:
        """Return the reply to the user's first sentence, or to the result of the last reply.

        Raises:
            EndpointError: the agent is on a server that does not answer.
        """


class ChatAgent(TextAgent):
    """A chat model. It sees the instructions, the sentences and, in the mode `"tools"`, the actions."""

    def __init__(self, endpoint: ChatEndpoint) -> None:
        """Use a model on a server."""
        self.name = f"openai:{endpoint.model}"
        self.usage = endpoint.usage
        self._endpoint = endpoint
        self._messages: ChatMessages | None = None
        self._replies: list[Reply] = []

    def begin(self, dialogue: TextDialogue) -> None:
        """Begin with the dialogue's instructions."""
        tools = tools_of(dialogue.domain) if dialogue.mode == "tools" else ()
        self._messages, self._replies = ChatMessages(dialogue.instructions, tools), []

    def reply(self, message: str) -> Reply:
        """Return the model's reply: the next of its last message, or else its next message."""
        messages = self._messages
        if messages is None:
            raise RuntimeError("no dialogue has begun: call begin() first")
        messages.hear(message)
        if not self._replies:
            self._replies = messages.read(self._endpoint.complete(messages.messages, messages.tools))
        return self._replies.pop(0)


class FieldAgent(TextAgent):
    """An agent that acts on what the rules keep track of, with the names of actions or calls of them."""

    def __init__(self, agent: Agent) -> None:
        """Wrap an agent.

        Raises:
            ValueError: the agent decides itself when to listen.
        """
        if agent.turn_taking != "auto":
            raise ValueError(f"{agent.name}: turn taking in text is automatic, and not that of this agent")
        self.name = agent.name
        self.usage = Usage()
        self._agent = agent
        self._dialogue: TextDialogue | None = None
        self._arguments: dict[str, list[str]] = {}

    def begin(self, dialogue: TextDialogue) -> None:
        """Look at this dialogue from now on.

        Raises:
            ValueError: the mode is `"free"`, or the domain is another one.
        """
        if dialogue.mode == "free":
            raise ValueError(f"{self.name}: it writes no sentences; the mode must be 'names' or 'tools'")
        if dialogue.domain.actions != self._agent.env.domain.actions:
            raise ValueError(f"{self.name}: it is of another domain")
        self._dialogue = dialogue
        functions = [tool["function"] for tool in dialogue.tools]
        self._arguments = {one["name"]: list(one["parameters"]["properties"]) for one in functions}

    def reply(self, message: str) -> Reply:
        """Return the action of the agent, in `"tools"` with all that is known."""
        if self._dialogue is None:
            raise RuntimeError("no dialogue has begun: call begin() first")
        conversation = self._dialogue.conversation
        action, _ = self._agent.choose(conversation)
        if self._dialogue.mode == "names":
            return action
        slots = conversation.slots
        known = {slot: slots[slot] for slot in self._arguments[action] if slots[slot] is not None}
        return {"name": action, "arguments": known}
