# ruff: noqa: E501 - texts are read whole
"""Words of reports, English and Korean. Korean is a draft until a named code has signed its digest."""

from __future__ import annotations

from campwatch.exports.figure_page import FIGURE_WORDS
from evidence.hashing import sha256_json

WORDS: dict[str, tuple[str, str]] = {
    "title": ("Satellite imagery report", "위성영상 보고서"),
    "public": ("PUBLIC", "공개"),
    "restricted": ("RESTRICTED: holds what is not marked public", "대외비: 공개로 표시되지 않은 내용 포함"),
    "draft": ("DRAFT", "초안(DRAFT): 한국어 번역은 서명되지 않았으며 영어본이 우선한다"),
    "release": ("Release", "배포판"),
    "made": ("made", "작성"),
    "governing": ("The English text governs.", "영어본이 우선한다."),
    "place": ("Place", "장소"),
    "coordinates": ("coordinates", "좌표"),
    "rounded": ("rounded to {n} decimals of a degree", "소수 {n}자리로 반올림"),
    "simulated": ("SIMULATED: this place does not exist.", "모의 자료: 실재하지 않는 장소이다."),
    "organisation": ("Organisation and analysts", "기관과 분석자"),
    "not_stated": ("not stated", "명시되지 않음"),
    "codes": ("analysts by code", "분석자는 코드로 표기"),
    "imagery": ("Imagery", "영상"),
    "imagery_text": (
        "{first} to {last} (dates of sensing, UTC; {sensors}): {looks} looks, {used} used, {unused} not usable, {missing} missing or failed.",
        "{first}~{last}(촬영일, UTC; {sensors}): 관측 {looks}회, 사용 {used}회, 사용 불가 {unused}회, 누락·실패 {missing}회.",
    ),
    "questions": ("Questions asked and answered", "질문과 답"),
    "no_questions": (
        "None was declared: nothing below is a claim of change.",
        "선언된 질문 없음: 아래 내용은 변화의 주장이 아니다.",
    ),
    "together": (
        "{n} questions of change were asked here; for those of one set of rows Holm's correction was made. Without it up to {f:.2f} false claims would be expected.",
        "변화에 관한 질문 {n}개; 같은 자료에 대한 질문은 홀름 보정을 적용. 보정이 없으면 최대 {f:.2f}개의 거짓 주장이 예상된다.",
    ),
    "judgements": ("Judgements", "판단"),
    "against": ("What speaks against", "반대되는 것"),
    "not_seen": ("What was not seen", "보지 못한 것"),
    "rests": ("What the intervals rest on", "구간의 근거"),
    "checked": ("checked at this site", "이 대상지에서 검증됨"),
    "likelihood": ("Likelihood and confidence (ICD 203)", "가능성과 신뢰도(ICD 203)"),
    "likelihood_none": (
        "not set by a reviewer; never derived from an interval",
        "검토자가 정하지 않음; 구간에서 도출하지 않는다",
    ),
    "verify": ("How to verify", "검증 방법"),
    "verify_text": (
        "Numbers in brackets, such as [R1], name rows of release {release} (last annex; manifest SHA-256 {manifest}), whose tables, methods and hashes stand in its folder. campwatch verify --head {head} checks custody; campwatch report check FILE.docx names every figure of an edited file that differs from the release.",
        "대괄호의 번호(예: [R1])는 배포판 {release}의 자료 행을 가리킨다(마지막 부록; manifest SHA-256 {manifest}). 표, 방법, 해시는 배포판 폴더에 있다. campwatch verify --head {head} 는 보관 기록을, campwatch report check 파일.docx 는 편집된 파일에서 배포판과 다른 수치를 확인한다.",
    ),
    "areas": ("Area {n}: {name}", "구역 {n}: {name}"),
    "observed": ("Observed", "관찰"),
    "assessed": ("Assessed", "평가"),
    "cannot_see": ("Cannot be seen", "볼 수 없는 것"),
    "cannot_see_text": (
        "Who worked, under what conditions, what was below ground or under roofs; volume, tonnage, production, origin; fences and guard posts at 10 m.",
        "누가 어떤 조건에서 일했는지, 지하나 지붕 아래 무엇이 있는지; 부피, 톤수, 생산량, 출처; 10 m 해상도에서의 울타리와 초소.",
    ),
    "claim_sheet": ("Claim sheet", "주장 검토표"),
    "claim": ("claim", "주장"),
    "finding": ("finding", "결과"),
    "supports": ("what supports it", "뒷받침하는 것"),
    "speaks": ("what speaks against", "반대되는 것"),
    "unassessed": ("what was not assessable", "평가할 수 없던 것"),
    "testimony": ("Testimony and sources of the organisation", "기관의 증언과 출처"),
    "testimony_text": (
        "Left to the organisation. Nothing here comes from the measurements.",
        "기관이 작성한다. 이 절의 내용은 측정에서 나온 것이 아니다.",
    ),
    "method": ("Annex A: method", "부록 A: 방법"),
    "hostile": ("Annex B: hostile questions", "부록 B: 반대 신문"),
    "images": ("Annex C: images", "부록 C: 영상 목록"),
    "references": ("References", "참고 문헌"),
    "figure": ("Figure", "그림"),
    "table": ("Table", "표"),
    "pair_caption": (
        "{site}, {before} and {after}: one season, true colour at 10 m. Plan area of probable coal on either look: {areas}. Outlines are supports of the measurement, not areas. {credit}.",
        "{site}, {before}와 {after}: 같은 계절, 10 m 천연색. 각 관측의 석탄 추정 평면 면적: {areas}. 윤곽은 측정의 지지 영역이며 면적이 아니다. {credit}.",
    ),
    "pair_alt": (
        "Two true-colour satellite pictures of {site} side by side, {before} and {after}.",
        "{site}의 위성 천연색 사진 두 장: {before}, {after}.",
    ),
    "chart_caption": (
        "{site}: plan area of probable coal, every look with its 95 % interval.",
        "{site}: 석탄 추정 평면 면적, 관측마다 95 % 구간.",
    ),
    "chart_alt": (
        "Chart of plan area of probable coal over time for {site}.",
        "{site}의 시간에 따른 석탄 추정 평면 면적 그래프.",
    ),
    "ground_caption": (
        "{site}: disturbed ground per epoch, inside and outside the boundary version in force.",
        "{site}: 시기별 교란된 땅, 유효한 경계 버전의 안과 밖.",
    ),
    "ground_alt": (
        "Chart of disturbed ground over time for {site}.",
        "{site}의 시간에 따른 교란 면적 그래프.",
    ),
    "no_pair": ("No same-season pair of clear looks: {reason}", "같은 계절의 맑은 관측 쌍 없음: {reason}"),
    "latest": ("newest assessable look {when}: {text}", "가장 최근의 평가 가능한 관측 {when}: {text}"),
    "none": ("no figure: {reason}", "수치 없음: {reason}"),
    "used_for": ("status", "상태"),
    "scene": ("scene", "영상"),
    "when": ("sensed (UTC)", "촬영(UTC)"),
    "seen_share": ("seen", "관측 비율"),
    "shared": (
        "{ha} ha of this site lie within one named before it and are counted there.",
        "이 대상지의 {ha} ha는 앞의 대상지에 속하며 거기에서 센다.",
    ),
    "never": ("nothing: every look was usable", "없음: 모든 관측 사용 가능"),
    "unseen_text": (
        "{unused} of {looks} looks showed nothing usable and {missing} were missing; the longest stretch without a usable look was {gap} days ({start} to {end}). What came and went within it was not seen. Piles under about 0.1 ha, roofs, tunnels and people are not resolved.",
        "관측 {looks}회 중 {unused}회는 쓸 수 없었고 {missing}회는 누락되었다. 쓸 수 있는 관측이 없던 가장 긴 기간은 {gap}일({start}~{end})이며 그동안 나타났다 사라진 것은 보지 못했다. 약 0.1 ha 미만의 더미, 지붕, 갱도, 사람은 구별되지 않는다.",
    ),
    "clock_note": (
        "Declared: UTC by the clock of the computer that declared it; the imagery may have been known before.",
        "선언 시각: 선언한 컴퓨터의 시계(UTC); 영상은 미리 알려졌을 수 있다.",
    ),
    "declared_head": (
        "declared (UTC)",
        "선언(UTC)",
    ),
    "answer_head": (
        "answer",
        "답",
    ),
    "figures_head": (
        "figures, with intervals",
        "수치와 구간",
    ),
    "answers_head": (
        "Answers to declared questions",
        "선언된 질문에 대한 답",
    ),
    "declared_long": (
        "Declared {when} by the clock of the declaring computer; file SHA-256 {sha}. Complete years outside the asked window: {years}. Questions asked of these rows: {n}.",
        "선언 {when}(선언한 컴퓨터의 시계); 파일 SHA-256 {sha}. 질문 기간 밖의 완전한 연도: {years}. 이 자료에 던진 질문: {n}개.",
    ),
    "answer_caption": (
        "{id}: change beyond ordinary years, {value}; grey, how far each ordinary year lies from the others.",
        "{id}: 평년을 넘는 변화 {value}; 회색은 각 평년이 다른 평년들에서 벗어난 정도.",
    ),
    "answer_alt": (
        "Strip of dots: ordinary years and the asked change with its interval, question {id}.",
        "점 도표: 질문 {id}의 평년들과 변화의 구간.",
    ),
    "dark": (
        "dark ground there, the area if it is coal: {text}",
        "그곳의 어두운 땅(석탄일 경우의 면적): {text}",
    ),
    "accounts_caption": (
        "{site}: disturbed ground on 1 August against boundary version {version}.",
        "{site}: 8월 1일의 교란된 땅, 경계 버전 {version} 기준.",
    ),
    "accounts_day": (
        "day",
        "날짜",
    ),
    "accounts_area_ha": (
        "disturbed",
        "교란",
    ),
    "accounts_inside_ha": (
        "inside",
        "안",
    ),
    "accounts_outside_ha": (
        "outside",
        "밖",
    ),
    "accounts_opened_ha": (
        "newly disturbed since the account before",
        "직전 이후 새로 교란",
    ),
    "accounts_note": (
        "Whole pixels of ground that lost what was expected there; ground bare when it was first seen is not among them. Differences between days claim nothing by themselves.",
        "기대된 식생을 잃은 땅의 전체 화소; 처음 볼 때 이미 드러난 땅은 제외. 날짜 사이의 차이는 그 자체로 주장이 아니다.",
    ),
    "cannot_see_perimeter": (
        "Fences, walls and guard posts at 10 m; whether a line on the ground is a boundary of anybody's; who drew it there and why.",
        "10 m 해상도에서의 울타리, 담, 초소; 지상의 선이 누구의 경계인지; 누가 왜 그었는지.",
    ),
    "perimeter_caption": (
        "Traced versions {earlier} (blue) and {later} (red): net {net}. An overlay of two drawings. {credit}.",
        "추적 버전 {earlier}(파랑)와 {later}(빨강): 순 변화 {net}. 두 도면의 중첩. {credit}.",
    ),
    "perimeter_alt": (
        "Satellite picture with the traced perimeters {earlier} and {later}, gained ground hatched.",
        "추적 경계 {earlier}와 {later}, 추가된 땅에 빗금을 친 위성 사진.",
    ),
    "sheet_note": (
        "Questions of change asked at this site: {n}; false claims to be expected of them at 5 % each without correction: up to {f:.2f}.",
        "이 대상지의 변화 질문: {n}개; 보정이 없을 때 각 5 %에서 예상되는 거짓 주장: 최대 {f:.2f}개.",
    ),
    "places": (
        "Comparison places: {places}.",
        "비교 장소: {places}.",
    ),
    "no_places": (
        "none was declared",
        "선언되지 않음",
    ),
    "method_caption": (
        "Layers and the methods that made them.",
        "자료층과 방법.",
    ),
    "layer": (
        "layer",
        "자료층",
    ),
    "method_head": (
        "method",
        "방법",
    ),
    "status_used": (
        "used",
        "사용",
    ),
    "status_unusable": (
        "not usable",
        "사용 불가",
    ),
    "status_no_data": (
        "no data",
        "자료 없음",
    ),
    "status_missing": (
        "missing",
        "누락",
    ),
    "status_failed": (
        "failed",
        "실패",
    ),
    "images_note": (
        "{shown} of {looks} looks are listed; the release has all.",
        "관측 {looks}회 중 {shown}회 표시; 배포판에 전체가 있다.",
    ),
    "rows_head": (
        "Annex D: rows of the release",
        "부록 D: 배포판의 자료 행",
    ),
    "rows_text": (
        "Each number in brackets names a row of release {release}: its id stands in the first column of the table named.",
        "대괄호의 번호는 배포판 {release}의 자료 행을 가리키며, 해당 표의 첫 열에 그 식별자가 있다.",
    ),
    "rows_caption": (
        "Rows that this report names.",
        "이 보고서가 인용한 자료 행.",
    ),
    "rows_number": (
        "number",
        "번호",
    ),
    "rows_id": (
        "row",
        "행",
    ),
    "rows_table": (
        "table of the release",
        "배포판의 표",
    ),
    "no_figure": ("no figure", "수치 없음"),
    "comparison_caption": (
        "B2, places to compare with: the last account of the ground of every site of this report.",
        "B2 비교 장소: 이 보고서의 모든 대상지의 마지막 땅 계정.",
    ),
    "comparison_place": (
        "place",
        "장소",
    ),
    "comparison_purpose": (
        "purpose",
        "목적",
    ),
    "comparison_note": (
        "Sites differ in size and use; that one had more is no claim. A declared question with comparison places is (campwatch question).",
        "대상지마다 크기와 용도가 다르며, 어느 곳이 더 많다는 것은 주장이 아니다. 비교 장소를 둔 선언된 질문만이 주장이다(campwatch question).",
    ),
}
HOSTILE: tuple[tuple[tuple[str, str], tuple[str, str]], ...] = (
    (
        (
            "How often would this method claim a change where there was none?",
            "변화가 없는데 변화라고 주장하는 비율은?",
        ),
        (
            "The share on simulated stocks, cell by cell with its seeds, is in the manual (answers): the aim is at most 7 in 100, and cells above it, such as a random walk over few years or a level that jumps at each turn of the asked year, are named there.",
            "모의 저탄에서의 비율은 시드와 함께 설명서(answers)에 칸별로 있다. 목표는 100회 중 7회 이하이며, 이를 넘는 경우(짧은 기록의 무작위 보행, 매년 바뀌는 수준 등)는 거기에 명시되어 있다.",
        ),
    ),
    (
        ("Could it be something other than coal?", "석탄이 아닌 것일 수 있는가?"),
        (
            "Yes. Asphalt, dark roofs, shale, wet or shaded ground look alike at 10 to 20 m. Only change through time, a marked pile or an analyst's picture tells.",
            "그렇다. 10~20 m에서는 아스팔트, 어두운 지붕, 셰일, 젖거나 그늘진 땅이 같은 모습이다. 시간에 따른 변화, 표시된 더미, 분석가의 영상만이 구별한다.",
        ),
    ),
    (
        ("Were the questions chosen after looking?", "자료를 본 뒤 질문을 골랐는가?"),
        (
            "Each question's hash entered a hash-chained log before its answer was computed; the time is that of the declaring computer unless a timestamp authority is named. Imagery may have been known before.",
            "각 질문의 해시는 답을 계산하기 전에 해시 사슬 기록에 들어갔다. 시각은 따로 시점확인 기관이 없으면 선언한 컴퓨터의 것이다. 영상은 미리 알려졌을 수 있다.",
        ),
    ),
    (
        ("Does a larger pile mean more production?", "더미가 커지면 생산이 늘어난 것인가?"),
        (
            "No. Fewer shipments, blocked exports or piles laid out anew look the same.",
            "아니다. 출하 감소, 수출 차단, 더미 재배치도 같은 모습이다.",
        ),
    ),
    (
        ("Was the same thing seen twice?", "같은 것을 두 번 세지는 않았는가?"),
        (
            "Ground that two sites share is counted once, at the site named first.",
            "두 대상지가 공유하는 땅은 먼저 나온 대상지에서 한 번만 센다.",
        ),
    ),
    (
        ("Can the figures be changed without trace?", "흔적 없이 수치를 바꿀 수 있는가?"),
        (
            "Rows are append-only and hash-chained; pictures of a finding are hashed beside it; report check names every figure in an edited file that differs.",
            "행은 추가만 가능하고 해시로 연결된다. 결과의 그림도 해시된다. report check는 편집된 파일에서 다른 수치를 모두 알려 준다.",
        ),
    ),
)
METHOD: tuple[tuple[str, str], ...] = (
    (
        "Stockpiles: a pixel is a mixture of its own ground and coal; the plan area of dark material is summed over a zone, and its lower end is nought unless the material is known or the ground changed there. Ground: one state per pixel through time, from its own expected year; disturbed ground counts whole pixels that lost what was expected. Perimeters: two traced versions are overlaid, and only stretches beyond the tracers' errors count.",
        "저탄: 화소는 그 땅과 석탄의 혼합으로 보며, 구역의 어두운 물질 평면 면적을 합한다. 물질이 알려지거나 땅이 변하지 않는 한 하한은 0이다. 땅: 화소마다 기대되는 1년에 비추어 시간에 따른 하나의 상태를 추정하며, 기대를 잃은 전체 화소를 센다. 경계: 두 추적 버전을 겹치고 추적 오차를 넘는 구간만 센다.",
    ),
    (
        "Answers: a change is judged against what the place does in ordinary years. The covariance of the series (level, season, memory, whole years, look noise) is fitted with the change in the model and integrated over a grid; each ordinary year is compared with the others as a placebo, and annual means with Student's t stand beside it. Fewer than three complete years outside the asked window, or a series that cannot be told from a random walk, say nothing.",
        "답: 변화는 그 장소의 평년 변동에 비추어 판단한다. 계열의 공분산(수준, 계절, 기억, 연도, 관측 잡음)을 변화와 함께 적합하고 격자에서 적분한다. 각 평년을 다른 평년과 비교하며(가상 사건일), 연평균의 스튜던트 t를 함께 제시한다. 질문 기간 밖의 완전한 연도가 셋 미만이거나 무작위 보행과 구별되지 않으면 아무것도 말하지 않는다.",
    ),
)
REFERENCES = (
    "Berkeley Protocol on Digital Open Source Investigations, HR/PUB/20/2.",
    "Durbin and Koopman (2012), Time Series Analysis by State Space Methods.",
    "Holm (1979), Scandinavian Journal of Statistics 6, 65-70.",
    "Ibragimov and Müller (2010), Journal of Business & Economic Statistics 28, 453-468.",
    "Intelligence Community Directive 203 (2015), Analytic Standards.",
    "Olofsson et al. (2014), Remote Sensing of Environment 148, 42-57.",
    "Patterson and Thompson (1971), Biometrika 58, 545-554.",
)


STANDING_KO = (
    ("interval from simulation", "모의 자료에서 얻은 구간"),
    ("not validated at this site", "이 대상지에서 검증되지 않음"),
)
"""Korean for what stands behind intervals; other words stay English."""


def standing_ko(text: str) -> str:
    """What stands behind the intervals, in Korean as far as there are words."""
    for english, korean in STANDING_KO:
        text = text.replace(english, korean)
    return text


def catalogue_digest() -> str:
    """SHA-256 of the Korean words, which a signature names."""
    return sha256_json(
        {
            "words": {k: v[1] for k, v in WORDS.items()},
            "hostile": [[q[1], a[1]] for q, a in HOSTILE],
            "method": [text[1] for text in METHOD],
            "figures": {k: v[1] for k, v in FIGURE_WORDS.items()},
        }
    )


def word(key: str, language: str, **told: object) -> str:
    """One text in one language."""
    return WORDS[key][language == "ko"].format(**told)
