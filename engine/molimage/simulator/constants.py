"""Every number of the rule-based cell painting simulator, under one version; none is measured, all are rules that a reader can change.

Lengths are in units of 1/64 of a field's edge. A change of any number here is a new ``VERSION``, because images and models name it.
"""

VERSION = "1"

CHANNELS = ("DNA", "ER", "RNA", "AGP", "Mito")
FIELD_UNITS = 64.0  # edge of a field
UNIT_UM = 1.8  # µm: a nucleus of radius 5 units is then 18 µm wide, as in U2OS cells

# Phenotype of an untreated cell, and the range a phenotype may take.
DMSO = {
    "density": 9.0,  # cells per field
    "nuclear_radius": 5.0,  # of a circle of the same area, units
    "nuclear_elongation": 0.25,  # 1 - minor/major axis
    "multilobed": 0.03,  # probability of 2 to 4 lobes or nuclei
    "micronuclei": 0.03,  # mean number per cell
    "mitotic": 0.04,  # probability
    "apoptotic": 0.01,  # probability
    "chromatin": 0.15,  # contrast of the chromatin texture
    "dna": 0.55,  # brightness of the DNA stain
    "nucleoli": 3.0,  # mean number per nucleus
    "nucleolar_size": 1.0,  # relative radius
    "spread": 1.0,  # relative radius of the cell
    "elongation": 0.30,  # 0 round, 1 spindle
    "roughness": 0.30,  # length of the pointed processes
    "er": 0.60,  # brightness of the ER stain
    "rna": 0.50,  # brightness of the RNA stain
    "agp": 0.50,  # brightness of membrane and Golgi
    "fibres": 0.50,  # strength of actin stress fibres
    "golgi_dispersion": 0.15,  # 0 compact beside the nucleus, 1 scattered
    "mito": 0.70,  # brightness of the mitochondria
    "fragmentation": 0.20,  # 0 filaments, 1 dots
    "perinuclear": 0.35,  # how far mitochondria gather around the nucleus
    "vacuoles": 0.0,  # share of the places for vacuoles that are taken
}
BOUNDS = {
    "density": (1.0, 12.0), "nuclear_radius": (3.2, 9.0), "nuclear_elongation": (0.02, 0.6), "multilobed": (0.0, 0.95),
    "micronuclei": (0.0, 2.0), "mitotic": (0.0, 0.6), "apoptotic": (0.0, 0.5), "chromatin": (0.02, 0.5), "dna": (0.2, 0.9),
    "nucleoli": (0.0, 7.0), "nucleolar_size": (0.4, 1.8), "spread": (0.5, 1.7), "elongation": (0.0, 1.0), "roughness": (0.0, 1.0),
    "er": (0.1, 1.2), "rna": (0.08, 1.0), "agp": (0.15, 1.0), "fibres": (0.0, 1.0), "golgi_dispersion": (0.0, 1.0), "mito": (0.1, 1.1),
    "fragmentation": (0.0, 1.0), "perinuclear": (0.0, 1.0), "vacuoles": (0.0, 1.0),
}  # fmt: skip

# What a full response changes, by mechanism; whatever is not named stays as in DMSO.
EFFECTS: dict[str, dict[str, float]] = {
    "inactive": {},
    "tubulin": {
        "density": 5.0, "nuclear_radius": 5.8, "multilobed": 0.60, "micronuclei": 0.9, "mitotic": 0.24, "chromatin": 0.25, "fibres": 0.3,
        "spread": 0.78, "elongation": 0.10, "mito": 0.6, "fragmentation": 0.5, "perinuclear": 0.6, "golgi_dispersion": 0.9,
    },
    "actin": {
        "density": 7.0, "multilobed": 0.30, "fibres": 0.0, "spread": 0.66, "roughness": 0.95, "elongation": 0.2, "agp": 0.42,
        "fragmentation": 0.3, "golgi_dispersion": 0.35,
    },
    "dna_damage": {
        "density": 3.6, "nuclear_radius": 7.6, "micronuclei": 0.5, "mitotic": 0.0, "chromatin": 0.22, "dna": 0.46, "nucleoli": 1.3,
        "nucleolar_size": 1.5, "spread": 1.5, "fibres": 0.75, "er": 0.7, "mito": 0.8, "roughness": 0.2,
    },
    "dna_synthesis": {
        "density": 5.0, "nuclear_radius": 6.5, "mitotic": 0.0, "chromatin": 0.08, "dna": 0.36, "nucleoli": 2.0, "nucleolar_size": 1.2,
        "spread": 1.2,
    },
    "proteasome": {
        "density": 4.6, "nuclear_radius": 4.3, "chromatin": 0.35, "nucleoli": 1.0, "nucleolar_size": 1.3, "er": 1.05, "fibres": 0.35,
        "spread": 0.72, "mito": 0.5, "fragmentation": 0.4, "perinuclear": 0.85, "apoptotic": 0.15, "vacuoles": 0.12,
    },
    "mitochondrial": {"density": 7.0, "mito": 0.28, "fragmentation": 0.95, "perinuclear": 0.55, "rna": 0.44, "er": 0.55},
    "protein_synthesis": {
        "density": 7.0, "nuclear_radius": 4.6, "nucleoli": 1.2, "nucleolar_size": 0.7, "er": 0.3, "rna": 0.26, "spread": 0.9,
        "chromatin": 0.12, "golgi_dispersion": 0.3, "agp": 0.42,
    },
    "hdac": {
        "density": 5.0, "nuclear_radius": 6.4, "dna": 0.42, "chromatin": 0.06, "nucleoli": 1.6, "nucleolar_size": 1.4, "er": 0.92,
        "fibres": 0.8, "spread": 1.4, "elongation": 0.55, "mitotic": 0.01, "golgi_dispersion": 0.4,
    },
    "hsp90": {
        "density": 5.0, "nuclear_radius": 4.8, "er": 0.82, "rna": 0.38, "fibres": 0.2, "spread": 0.82, "elongation": 0.70,
        "roughness": 0.6, "mito": 0.5, "apoptotic": 0.06, "vacuoles": 0.06,
    },
    "pi3k_mtor": {
        "density": 7.5, "nuclear_radius": 4.3, "nucleolar_size": 0.65, "nucleoli": 2.0, "er": 0.45, "rna": 0.34, "spread": 0.78,
        "mito": 0.9, "fragmentation": 0.02, "mitotic": 0.02,
    },
    "cdk": {
        "density": 4.8, "nuclear_radius": 4.5, "nucleoli": 0.1, "rna": 0.18, "chromatin": 0.32, "dna": 0.62, "er": 0.5, "spread": 0.85,
        "mitotic": 0.0, "apoptotic": 0.12, "agp": 0.42,
    },
    "aurora_plk": {
        "density": 4.0, "nuclear_radius": 7.4, "multilobed": 0.78, "micronuclei": 0.8, "mitotic": 0.12, "chromatin": 0.2, "nucleoli": 4.5,
        "spread": 1.35, "fibres": 0.6,
    },
    "atpase": {
        "density": 3.8, "nuclear_radius": 4.0, "nucleoli": 1.0, "nucleolar_size": 0.6, "er": 0.38, "rna": 0.24, "spread": 0.6,
        "elongation": 0.1, "roughness": 0.1, "mito": 0.45, "apoptotic": 0.2, "chromatin": 0.25, "mitotic": 0.01,
    },
    "hmgcr": {
        "density": 6.0, "nuclear_elongation": 0.42, "elongation": 1.0, "roughness": 0.4, "spread": 0.82, "fibres": 0.12,
        "golgi_dispersion": 0.5, "er": 0.7,
    },
    "rock": {"density": 8.0, "fibres": 0.0, "spread": 1.1, "roughness": 1.0, "elongation": 0.55, "agp": 0.36, "multilobed": 0.12},
    "glucocorticoid": {
        "density": 7.5, "nuclear_radius": 5.3, "fibres": 0.95, "agp": 0.62, "spread": 1.15, "roughness": 0.12, "mitotic": 0.02,
    },
    "lysosomotropic": {"density": 8.0, "vacuoles": 0.8, "er": 0.66, "agp": 0.64, "golgi_dispersion": 0.4, "mito": 0.6},
}  # fmt: skip

# Structure -> strength. z is a descriptor standardised as (value - centre) / scale, round figures of approved drugs.
DESCRIPTORS: dict[str, tuple[float, float]] = {
    "log_p": (2.5, 2.0), "tpsa": (80.0, 45.0), "weight": (370.0, 140.0), "donors": (2.0, 1.6), "acceptors": (5.0, 2.6),
    "rotatable_bonds": (5.0, 3.5), "aromatic_rings": (1.6, 1.1), "fraction_sp3": (0.45, 0.22),
}  # fmt: skip
POTENCY = {"log_p": 0.8, "tpsa": -0.7, "weight": 0.4}  # p = POTENCY_LOW + (1 - POTENCY_LOW) logistic(1 + sum w z)
POTENCY_LOW = 0.6
LOG10_EC50_UM = {"log_p": -0.30, "weight": -0.15, "tpsa": 0.20, "donors": 0.10}  # log10 EC50 = sum w z, within the range below
LOG10_EC50_RANGE = (-1.0, 1.0)
HILL_COEFFICIENT = 1.5

# Structure -> what every molecule does a little: f of a phenotype column is DRIFT_SHARE of its range over mechanisms times
# tanh(sum w z) in [-1, 1], and comes up with the dose as dose / (dose + DRIFT_UM).
DRIFT_SHARE = 0.10
DRIFT_UM = 1.0
DRIFT: dict[str, dict[str, float]] = {
    "density": {"log_p": -0.5, "weight": -0.2},
    "nuclear_radius": {"aromatic_rings": 0.6, "fraction_sp3": -0.4},
    "chromatin": {"aromatic_rings": 0.6, "donors": 0.3},
    "nucleolar_size": {"acceptors": 0.5, "tpsa": -0.4},
    "spread": {"fraction_sp3": 0.5, "rotatable_bonds": -0.3},
    "elongation": {"rotatable_bonds": 0.6},
    "er": {"log_p": 0.5, "donors": -0.4},
    "rna": {"donors": -0.5, "acceptors": -0.3},
    "agp": {"weight": 0.5, "tpsa": -0.3},
    "fibres": {"fraction_sp3": 0.5, "aromatic_rings": -0.4},
    "mito": {"log_p": -0.6, "tpsa": 0.3},
    "fragmentation": {"log_p": 0.6, "acceptors": -0.3},
}

# Amphiphilic amines gather in lysosomes whatever else they do: strength = logistic((log P - centre) / scale) for a molecule with a basic
# aliphatic amine and no acid, after the rule of Ploemen et al. 2004 (pKa and ClogP both high).
AMPHIPHILE_LOG_P = (3.3, 0.5)
AMPHIPHILE_EC50_UM = 5.0

# Cells. Sizes in units; standard deviations of log-normal factors between cells of one field.
MARGIN = 14.0  # cells whose centre is so far outside still reach into the field
CELL_RADIUS = 10.8
MITOTIC_RADIUS, APOPTOTIC_RADIUS = 6.3, 4.2
CELL_SIZE_SD, NUCLEUS_SIZE_SD, STAIN_SD = 0.13, 0.09, 0.12
CELL_DISTANCE = 0.78  # of the sum of two radii: as near as cells come where there is room
NUCLEUS_GAP = 1.2  # least distance of two nuclei

# Optics.
BLUR = {"DNA": 0.28, "ER": 0.28, "RNA": 0.30, "AGP": 0.24, "Mito": 0.24}  # sd of the point spread, units
HAZE_SHARE, HAZE_SD = 0.10, 3.0  # light from out of focus: its share, and its spread in units
OFFSET = 0.03  # of camera and medium, share of full scale
FULL_SCALE_COUNTS = 900.0  # photons at full scale, for shot noise
READ_NOISE = 0.004  # share of full scale

# Batch effects.
PLATE_GAIN_SD, WELL_GAIN_SD = 0.08, 0.03  # of the logarithm of a channel's gain
PLATE_ILLUMINATION = 0.15  # largest fall of light from the centre to a corner, plus a tilt of half of it
PLATE_BLUR = (1.0, 1.6)  # factor on the point spread
