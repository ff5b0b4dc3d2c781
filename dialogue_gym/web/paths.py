"""The paths of the server that its parent tells people, without the packages of their pages."""

TEACH_PATH = "/teach"
"""The path of the teachers' pages. Their cookies are sent there alone."""
TALK_PATH = "/talk"
"""The path of the visitors' page."""
REST_WEBHOOK = "/webhooks/rest/webhook"
"""The path of Rasa's REST channel."""
