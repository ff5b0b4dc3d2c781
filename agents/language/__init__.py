"""A small language model as a bot: made on the spot, taught by examples, improved by reward."""
