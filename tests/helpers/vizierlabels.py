"""What VizieR's tables hold, written down apart from the pipeline's sheets: labels with units, and types if it matters.

Per line: table, then LABEL or LABEL[unit]; a label behind `long:` holds integers of 64 bits, behind `char:` text.
"""

_RD = "RAJ2000[deg] DEJ2000[deg]"
_GAIA = "long:Source RA_ICRS[deg] DE_ICRS[deg] e_RA_ICRS[mas] e_DE_ICRS[mas]"
_MOTION = "pmRA[mas/yr] e_pmRA[mas/yr] pmDE[mas/yr] e_pmDE[mas/yr]"
_BPRP = "Gmag[mag] e_Gmag[mag] BPmag[mag] e_BPmag[mag] RPmag[mag] e_RPmag[mag]"
_NIR = "Jmag[mag] e_Jmag[mag] Hmag[mag] e_Hmag[mag] Kmag[mag] e_Kmag[mag]"
_APASS = "Bmag[mag] e_Bmag[mag] Vmag[mag] e_Vmag[mag] gmag[mag] e_gmag[mag] rmag[mag] e_rmag[mag] imag[mag] e_imag[mag]"
_PS1 = f"long:objID {_RD} e_RAJ2000[arcsec] e_DEJ2000[arcsec] f_objID Qual Epoch[d] Ns Nd " + " ".join(
    f"{band}mag[mag] e_{band}mag[mag] {band}Kmag[mag]" for band in "grizy"
)
_SDSS = "RA_ICRS[deg] DE_ICRS[deg] e_RA_ICRS[arcsec] e_DE_ICRS[arcsec] mode ObsDate[yr] " + " ".join(
    f"{band}mag[mag] e_{band}mag[mag] {band}pmag[mag] e_{band}pmag[mag]" for band in "ugriz"
)
_SKYMAPPER = (
    "long:ObjectId RAICRS[deg] DEICRS[deg] e_RAICRS[mas] e_DEICRS[mas] EpMean[d] flags Niflags ClassStar "
    + " ".join(f"{band}PSF[mag] e_{band}PSF[mag]" for band in "uvgriz")
)
_SYNTHETIC = " ".join(f"{band}mag[mag] {band}Flag F{band} e_F{band}" for band in "UBVRIugriz")

_TABLES = {
    "I/355/gaiadr3": f"{_GAIA} Plx[mas] {_MOTION} RUWE Dup epsi[mas] {_BPRP} RFG E(BP/RP) IPDfmp char:VarFlag",
    "I/350/gaiaedr3": f"{_GAIA} Plx[mas] {_MOTION} RUWE Dup epsi[mas] {_BPRP} RFG E(BP/RP) IPDfmp",
    "I/345/gaia2": f"{_GAIA} {_MOTION} Epoch[yr] {_BPRP} E(BR/RP) Dup RUWE",
    "I/337/tgas": f"{_GAIA} HIP char:TYC2 {_MOTION} <Gmag>[mag] <FG> e_<FG>",
    "I/337/gaia": f"{_GAIA} <Gmag>[mag] <FG> e_<FG>",
    "I/360/syntphot": f"long:Source RA_ICRS[deg] DE_ICRS[deg] E(BP/RP)corr {_SYNTHETIC}",
    "J/ApJ/867/105/refcat2": "RA_ICRS[deg] DE_ICRS[deg] Plx[mas] e_Plx[mas] pmRA[mas/yr] pmDE[mas/yr] e_pmRA[mas/yr] "
    f"e_pmDE[mas/yr] {_BPRP} dupvar Ag[mag] rp1[arcsec] r1[arcsec] r10[arcsec] gmag[mag] e_gmag[mag] rmag[mag] "
    f"e_rmag[mag] imag[mag] e_imag[mag] zmag[mag] e_zmag[mag] {_NIR}",
    "II/349/ps1": _PS1,
    "II/389/ps1_dr2": _PS1,
    "V/139/sdss9": f"char:SDSS9 long:objID cl char:q_mode {_SDSS}",
    "V/147/sdss12": f"char:SDSS12 long:objID class clean char:q_mode {_SDSS}",
    "V/154/sdss16": f"char:SDSS16 long:objID class clean {_SDSS}",
    "II/358/smss": _SKYMAPPER,
    "II/379/smssdr4": f"{_SKYMAPPER} Ngood " + " ".join(f"Ngood{band}" for band in "uvgriz"),
    "II/336/apass9": f"long:recno {_RD} e_RAJ2000[arcsec] e_DEJ2000[arcsec] Field nobs mobs "
    "Vmag[mag] e_Vmag[mag] Bmag[mag] e_Bmag[mag] g'mag[mag] e_g'mag[mag] r'mag[mag] e_r'mag[mag] i'mag[mag] "
    "e_i'mag[mag]",
    "II/246/out": f"char:2MASS {_RD} errMaj[arcsec] errMin[arcsec] errPA[deg] char:Qflg char:Rflg char:Bflg "
    f"char:Cflg Xflg Aflg JD[d] {_NIR}",
    "I/329/urat1": f"char:URAT1 {_RD} Epoch[yr] sigs[mas] sigm[mas] f.mag[mag] e_f.mag[mag] pmRA[mas/yr] "
    f"pmDE[mas/yr] e_pm[mas/yr] mfa {_NIR} {_APASS}",
    "I/322A/out": f"char:UCAC4 {_RD} ePos[mas] pmRA[mas/yr] pmDE[mas/yr] e_pmRA[mas/yr] e_pmDE[mas/yr] "
    f"f.mag[mag] a.mag[mag] {_NIR} {_APASS}",
    "I/284/out": f"char:USNO-B1.0 {_RD} e_RAJ2000[mas] e_DEJ2000[mas] Epoch[yr] pmRA[mas/yr] pmDE[mas/yr] "
    "Ndet B1mag[mag] R1mag[mag] B2mag[mag] R2mag[mag] Imag[mag]",
    "B/vsx/vsx": f"long:OID char:Name V {_RD} char:Type char:l_max max[mag] char:n_max min[mag] "
    "char:n_min Epoch[d] Period[d] char:Sp",
}


def columns(table):
    """Return {label: (unit or None, "long", "char" or "number")} of a table of VizieR."""
    found = {}
    for word in _TABLES[table].split():
        kind, _, rest = word.rpartition(":")
        label, _, unit = rest.partition("[")
        found[label] = unit.rstrip("]") or None, kind or "number"
    return found


TABLES = tuple(_TABLES)
