"""Ontologies of other systems, with their databases: each becomes a domain whose users search.

No output but the folder that `write_project` makes.
"""

from dialogue_gym.ontologies.expert import ExpertFigures, expert_figures, expert_rules
from dialogue_gym.ontologies.model import Ontology, OntologyError
from dialogue_gym.ontologies.multiwoz import read_multiwoz
from dialogue_gym.ontologies.project import domain_file, venues_file, write_project
from dialogue_gym.ontologies.pydial import read_pydial

__all__ = [
    "ExpertFigures",
    "Ontology",
    "OntologyError",
    "domain_file",
    "expert_figures",
    "expert_rules",
    "read_multiwoz",
    "read_pydial",
    "venues_file",
    "write_project",
]
