"""Language codes: ISO 639-1, as Whisper and the wire spell them, in the words of translation models.

NLLB uses FLORES-200 codes (https://github.com/facebookresearch/flores/blob/main/flores200/README.md), M2M-100 its own
list of mostly ISO 639-1, OPUS-MT ISO 639-3 or 639-1 and names of language families.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_FLORES = """
    af:afr_Latn am:amh_Ethi ar:arb_Arab as:asm_Beng az:azj_Latn ba:bak_Cyrl be:bel_Cyrl bg:bul_Cyrl bn:ben_Beng
    bo:bod_Tibt bs:bos_Latn ca:cat_Latn cs:ces_Latn cy:cym_Latn da:dan_Latn de:deu_Latn el:ell_Grek en:eng_Latn
    es:spa_Latn et:est_Latn eu:eus_Latn fa:pes_Arab fi:fin_Latn fo:fao_Latn fr:fra_Latn gl:glg_Latn gu:guj_Gujr
    ha:hau_Latn he:heb_Hebr hi:hin_Deva hr:hrv_Latn ht:hat_Latn hu:hun_Latn hy:hye_Armn id:ind_Latn is:isl_Latn
    it:ita_Latn ja:jpn_Jpan jw:jav_Latn ka:kat_Geor kk:kaz_Cyrl km:khm_Khmr kn:kan_Knda ko:kor_Hang lb:ltz_Latn
    ln:lin_Latn lo:lao_Laoo lt:lit_Latn lv:lvs_Latn mg:plt_Latn mi:mri_Latn mk:mkd_Cyrl ml:mal_Mlym mn:khk_Cyrl
    mr:mar_Deva ms:zsm_Latn mt:mlt_Latn my:mya_Mymr ne:npi_Deva nl:nld_Latn nn:nno_Latn no:nob_Latn oc:oci_Latn
    pa:pan_Guru pl:pol_Latn ps:pbt_Arab pt:por_Latn ro:ron_Latn ru:rus_Cyrl sa:san_Deva sd:snd_Arab si:sin_Sinh
    sk:slk_Latn sl:slv_Latn sn:sna_Latn so:som_Latn sq:als_Latn sr:srp_Cyrl su:sun_Latn sv:swe_Latn sw:swh_Latn
    ta:tam_Taml te:tel_Telu tg:tgk_Cyrl th:tha_Thai tk:tuk_Latn tl:tgl_Latn tr:tur_Latn tt:tat_Cyrl uk:ukr_Cyrl
    ur:urd_Arab uz:uzn_Latn vi:vie_Latn yi:ydd_Hebr yo:yor_Latn yue:yue_Hant zh:zho_Hans
"""
FLORES: dict[str, str] = dict(pair.split(":") for pair in _FLORES.split())
"""ISO 639-1 to FLORES-200. Whisper's br, haw and la are not in FLORES-200."""

M2M_SPELLING = {"jw": "jv"}
"""Where M2M-100 (and most of the world) spells otherwise than Whisper."""

# ISO 639-3 where it is not the first three letters of the FLORES code: macrolanguages and languages FLORES lacks.
_ISO3_MORE: dict[str, tuple[str, ...]] = {
    "ar": ("ara",),
    "az": ("aze", "aze_Latn"),
    "br": ("bre",),
    "fa": ("fas",),
    "haw": ("haw",),
    "la": ("lat", "lat_Latn"),
    "lv": ("lav",),
    "mg": ("mlg",),
    "mn": ("mon",),
    "ms": ("msa", "zsm_Latn"),
    "ne": ("nep",),
    "no": ("nor", "nob"),
    "ps": ("pus",),
    "sq": ("sqi",),
    "sr": ("srp_Cyrl", "srp_Latn"),
    "sw": ("swa",),
    "tl": ("tgl_Latn", "fil"),
    "uz": ("uzb", "uzb_Latn"),
    "yi": ("yid",),
    "zh": ("cmn_Hans", "cmn", "zho", "cmn_Hant", "zh_cn", "zh_CN"),
}

# Families that OPUS-MT names models after, as far as Whisper hears their members.
_FAMILIES: dict[str, str] = {
    "ROMANCE": "fr es it pt ro ca gl oc la",
    "roa": "fr es it pt ro ca gl oc ht",
    "itc": "fr es it pt ro ca gl oc la",
    "gem": "en de nl sv da no nn is af lb yi fo",
    "gmw": "en de nl af lb yi",
    "gmq": "sv da no nn is fo",
    "NORTH_EU": "de nl sv da no nn is fi",
    "SCANDINAVIA": "sv da no nn is",
    "sla": "ru uk be pl cs sk sl hr sr bs mk bg",
    "zle": "ru uk be",
    "zls": "sl hr sr bs mk bg",
    "zlw": "pl cs sk",
    "bat": "lt lv",
    "fiu": "fi et hu",
    "cel": "cy br",
    "inc": "hi bn ur pa gu mr ne as sd si sa",
    "iir": "hi bn ur pa gu mr ne as sd si fa ps tg",
    "dra": "ta te kn ml",
    "trk": "tr az kk uz tk tt ba",
    "sem": "ar he am mt",
    "afa": "ar he am mt so ha",
    "bnt": "sw sn ln",
    "poz": "id ms tl jw su mg mi haw",
}

ANY_FAMILY = frozenset({"mul", "ine", "multi", "tc"})
"""Names that stand for more languages than can be listed: the model's own tokens say which."""


def iso3(code: str) -> Iterator[str]:
    """How OPUS-MT may spell this language, likeliest first."""
    if code in FLORES:
        yield FLORES[code].split("_")[0]
    yield from _ISO3_MORE.get(code, ())
    if code in FLORES:
        yield FLORES[code]
    yield code


_BY_SPELLING: dict[str, str] = {}
for _code in sorted({*FLORES, *_ISO3_MORE}):
    for _spelling in iso3(_code):
        _BY_SPELLING.setdefault(_spelling, _code)


def from_any(spelling: str) -> str | None:
    """ISO 639-1 of an OPUS-MT, FLORES or ISO 639-3 spelling; None where it is no language of ours."""
    return _BY_SPELLING.get(spelling) or _BY_SPELLING.get(spelling.split("_")[0])


def members(name: str) -> list[str]:
    """The languages that a part of an OPUS-MT name stands for: "fr", "fra", "roa", "de+nl". Empty: not known."""
    found: list[str] = []
    for part in name.split("+"):
        one = from_any(part)
        found += [one] if one else _FAMILIES.get(part, "").split()
    return found


def everything() -> Iterable[str]:
    return sorted({*FLORES, *_ISO3_MORE})
