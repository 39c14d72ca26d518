"""Words that figures print, English and Korean; the Korean ones are a draft as those of reports are."""

from __future__ import annotations

FIGURE_WORDS: dict[str, tuple[str, str]] = {
    "local": ("local", "현지"),
    "before_after": (
        "{label}: the last clear look before, the first clear look of that season after",
        "{label}: 이전의 마지막 맑은 관측과 이후 같은 계절의 첫 맑은 관측",
    ),
    "where": ("where in\nthe site", "대상지 안의\n위치"),
    "locator": ("where the\nsite lies", "대상지의\n위치"),
    "boundary_version": ("boundary version {id}", "경계 버전 {id}"),
    "zone": ("zone {id} ({kind})", "구역 {id} ({kind})"),
    "no_figure": ("no figure", "수치 없음"),
    "probable_coal": ("plan area of\nprobable coal, ha", "석탄 추정\n평면 면적, ha"),
    "zone_title": ("Zone {name}", "구역 {name}"),
    "one_look": ("one look", "관측 1회"),
    "below_floor": ("one look, below the floor", "관측 1회, 하한 미만"),
    "smoothed": ("smoothed", "평활"),
    "inside": ("inside the boundary", "경계 안"),
    "outside": ("outside the boundary", "경계 밖"),
    "whole": ("whole site", "대상지 전체"),
    "disturbed": ("disturbed ground, ha", "교란된 땅, ha"),
    "not_assessable": ("not assessable", "평가 불가"),
    "gained": ("gained", "추가된 면적"),
    "lost": ("lost", "줄어든 면적"),
    "net": ("net {text}", "순 변화 {text}"),
    "version_line": ("version {id}, from {since}", "버전 {id}, {since}부터"),
    "ordinary": ("each ordinary year\nagainst the others", "각 평년과\n다른 평년들의 차이"),
    "judged": ("{name}\nchange with its interval", "{name}\n변화와 구간"),
    "no_figures": ("no look gave a figure: {reason}", "수치가 나온 관측 없음: {reason}"),
    "margin": ("declared margin", "미리 정한 한계"),
    "change_axis": ("change, ha", "변화, ha"),
}


def figure_word(key: str, language: str, **told: object) -> str:
    """One text of a figure in one language."""
    return FIGURE_WORDS[key][language == "ko"].format(**told)
