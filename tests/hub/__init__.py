"""Agents and domains shared on the Hugging Face Hub."""
