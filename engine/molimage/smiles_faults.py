"""Where a SMILES is wrong: the character, ring or atom at fault, in a sentence."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rdkit.Chem import Mol

TOKEN = re.compile(
    r"(?P<atom>\[[^\[\]]*\]|Br|Cl|[BCNOPSFI]|[bcnops]|\*)|(?P<ring>%\d\d|%\(\d+\)|\d)|(?P<bond>[-=#:$/\\~]|->|<-)|(?P<open>\()|(?P<close>\))|(?P<dot>\.)"
)


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a SMILES.

    Parameters
    ----------
    sentence : what is wrong.
    fix : the way out.
    position : number of the character, from 1; 0 when it is the whole.
    atoms : numbers of the atoms at fault, from 0, in the order of the SMILES, for a drawing to mark.
    """

    sentence: str
    fix: str
    position: int = 0
    atoms: tuple[int, ...] = ()

    @property
    def where(self) -> str:
        """The place in words, as `UserError` takes it."""
        return f"character {self.position}" if self.position else "SMILES"


def is_like_smiles(text: str) -> bool:
    """Tell a SMILES with a mistake from a name: it has signs that names lack, or is made of element symbols and ring digits alone."""
    if text.startswith("InChI=") or re.search(r"[=#\[\]@\\]", text):
        return True
    return " " not in text and not re.sub(r"Br|Cl|[BCNOPSFIbcnops0-9()*.%/-]", "", text)


def faults(smiles: str) -> tuple[Fault, ...]:
    """List what is wrong with a SMILES; nothing when it can be read.

    Returns
    -------
    Mistakes of writing first (an unknown sign, brackets and rings that are not closed); only without them those of chemistry: too many
    bonds, aromatic rings that cannot be drawn with single and double bonds.

    Examples
    --------
    >>> from engine.molimage.smiles_faults import faults
    >>> faults("C1CC")[0].sentence
    'Ring 1 is never closed.'
    """
    return tuple(_of_writing(smiles)) or tuple(_of_chemistry(smiles))


def _of_writing(smiles: str) -> Iterator[Fault]:
    opened: dict[str, tuple[int, int]] = {}
    branches: list[int] = []
    atom, position, bond = -1, 0, 0
    while position < len(smiles):
        found = TOKEN.match(smiles, position)
        place = position + 1
        if found is None:
            yield _unknown(smiles, place)
            return
        kind, token = found.lastgroup, found.group()
        if bond and kind in ("open", "close", "dot"):
            yield Fault("A bond leads to no atom.", "Remove it, or write the atom behind it.", bond, (atom,))
            return
        if kind in ("ring", "bond", "open") and atom < 0:
            yield Fault(f"A SMILES cannot begin with {token}.", "Begin with an atom.", place)
            return
        if kind == "atom":
            atom += 1
            bond = 0
        elif kind == "ring":
            number = token.strip("%()")
            if number in opened:
                del opened[number]
            else:
                opened[number] = (place, atom)
            bond = 0
        elif kind == "bond":
            if bond:
                yield Fault("Two bonds follow each other.", "Remove one, or write the atom between them.", place)
                return
            bond = place
        elif kind == "open":
            branches.append(place)
        elif kind == "close":
            if not branches:
                yield Fault("A bracket ) closes a branch that was never opened.", "Remove it, or open the branch with (.", place)
                return
            branches.pop()
        position = found.end()
    for place in branches:
        yield Fault("A branch is opened with ( and never closed.", "Close it with ).", place)
    for number, (place, at) in opened.items():
        yield Fault(f"Ring {number} is never closed.", f"Write {number} again behind the atom that closes the ring.", place, (at,))
    if bond:
        yield Fault("A bond leads to no atom.", "Remove it, or add the atom.", bond, (atom,))


def _unknown(smiles: str, place: int) -> Fault:
    sign = smiles[place - 1]
    if sign == "[":
        return Fault("A bracket [ is never closed.", "Close it with ].", place)
    return Fault(f"{sign} is no element or sign of a SMILES.", "Elements other than B C N O P S F Cl Br I stand in brackets: [Se].", place)


def chemistry_faults(mol: "Mol", places: Sequence[int] = ()) -> Iterator[Fault]:
    """Yield what is impossible in a molecule that was read without a check; ``places`` are its atoms' characters in a SMILES."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        problems = Chem.DetectChemistryProblems(mol)
    for problem in problems:
        kind = problem.GetType()
        atoms = tuple(problem.GetAtomIndices()) if kind == "KekulizeException" else (problem.GetAtomIdx(),)
        symbol = mol.GetAtomWithIdx(atoms[0]).GetSymbol()
        if kind == "KekulizeException":
            sentence = "An aromatic ring cannot be drawn with single and double bonds."
            fix = "Its nitrogen may need a hydrogen, written [nH]; or write the ring with capital letters and double bonds."
        elif kind == "AtomKekulizeException":
            sentence = f"Atom {atoms[0] + 1} ({symbol}) is written as aromatic, but is in no ring."
            fix = "Write it with a capital letter."
        else:
            sentence = f"Atom {atoms[0] + 1} ({symbol}) has more bonds than it can have."
            fix = "Remove a bond, or give the atom its charge, as in [N+]."
        yield Fault(sentence, fix, places[atoms[0]] if atoms[0] < len(places) else 0, atoms)


def _of_chemistry(smiles: str) -> Iterator[Fault]:
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        mol = Chem.MolFromSmiles(smiles, sanitize=False)
    if mol is None:
        yield from _bad_brackets(smiles)
    else:
        yield from chemistry_faults(mol, [found.start() + 1 for found in TOKEN.finditer(smiles) if found.lastgroup == "atom"])


def _bad_brackets(smiles: str) -> Iterator[Fault]:
    """Name the first atom in brackets that RDKit cannot read on its own."""
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        for found in TOKEN.finditer(smiles):
            if found.group().startswith("[") and Chem.MolFromSmiles(found.group(), sanitize=False) is None:
                yield Fault(f"{found.group()} is no atom.", "An atom in brackets is written like [NH4+] or [13C].", found.start() + 1)
                return
