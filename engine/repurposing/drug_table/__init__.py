"""Drug-target tables: read, converted to one unit, one row for each drug and gene, with provenance and licence."""

from engine.repurposing.drug_table.licences import Licence, export_sentence, licence_of
from engine.repurposing.drug_table.names import DrugMatches, match_drugs
from engine.repurposing.drug_table.targets import DrugTargets, direction, promiscuity, read_targets

__all__ = [
    "DrugMatches", "DrugTargets", "Licence", "direction", "export_sentence", "licence_of", "match_drugs", "promiscuity", "read_targets",
]  # fmt: skip
