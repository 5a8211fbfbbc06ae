# ruff: noqa: E501
"""The cleaner's rules, each with an input of its own."""

from __future__ import annotations

import pickle

import pytest

from bertdata.extract.options import ExtractOptions
from bertdata.extract.wikitext import Cleaner, explain, holes
from bertdata.records import SiteInfo


def clean(text: str, language: str = "en", **options: object) -> str:
    cleaner = Cleaner(SiteInfo(language=language), ExtractOptions(**options))  # type: ignore[arg-type]
    return cleaner.clean("Title", text).text


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("A [[dragon]]s and [[lamp (device)|lamp]]-bearers.", "A dragons and lamp-bearers."),
        ("A [[:Category:Caves|list]] and [[:de:Höhle|a cave]].", "A list and a cave."),
        ("[[File:A.png|thumb|A [[cat]] {{nowrap|and}} [http://x.y dog]]]A cat sat.", "A cat sat."),
        ("[[fr:Chat]][[zh-min-nan:Niau]]A cat sat.", "A cat sat."),
        ("See [http://x.example/''Title''] and [//x.example label] or [http://x.example].", "See Title and label or."),
        ("He [sic] said so.", "He [sic] said so."),
        (
            "A {{convert|5|ft|11|in|m}} man ran {{cvt|10|-|20|km}}.",
            "A 5 feet 11 inches (1.80 m) man ran 10–20 km (6.2–12.4 mi).",
        ),
        ("It is {{convert|1|mi|km|adj=on}} long.", "It is 1-mile (1.6 km) long."),
        ("On {{formatnum:12345.5}} days", "On 12,345.5 days"),
        ("The sound {{IPA|fr|paʁi}}, {{IPA|/aw/}}; '''Owl''' ({{IPA|de|[ˈɔʏlə]}}).", "The sound [paʁi], /aw/; Owl."),
        (
            "A {{convert|10|ft|m|adj=mid|-high}} wall, {{convert|4|acre|adj=pre|planted}}, {{convert|4|mi|km|0|adj=mid|long}}.",
            "A 10-foot-high (3.0 m) wall, 4 planted acres (1.6 ha), 4-mile long (6 km).",
        ),
        (
            "From {{ety|la|bubo|owl||unda|wave}}, at {{Mach|2}}, 3{{x10^|8}}, {{No.|5}}, {{langr|ru|сова}}.",
            "From Latin bubo 'owl' and unda 'wave', at Mach 2, 3×10⁸, No. 5, сова.",
        ),
        (
            "A {{convert|10|ft|m|disp=or|adj=mid|-tall}} wall of {{convert|3|to|4|mi|km|disp=or|adj=pre|long}}; {{mset|1=x}}{{mset}}.",
            "A 10-foot-tall or 3.0 m wall of 3 to 4 long miles or 4.8 to 6.4 km; {x}.",
        ),
        ("{{ce|date=May 2012}}Owls ({{lit|1=night birds}}) sleep.", "Owls (lit. 'night birds') sleep."),
        ("In 40 {{CE}}, {{10^|5}}, 10{{esp|6}}, 3{{e|5}}, {{ce|H2O}}.", "In 40 CE, 10⁵, 10⁶, 3×10⁵, H2O."),
        (
            "Of ({{langx|de|Eule}}, {{lit.|owl|night bird}}), {{nowr|a b}}.",
            "Of (German: Eule, lit. 'owl' or 'night bird'), a b.",
        ),
        ("{{tmath|x_0}} is in {{mset|1, 2}}; {{tmath|\\begin{x} }}.", "x₀ is in {1, 2}."),
        ("Call <syntaxhighlight lang=c inline>f({{x}})</syntaxhighlight>.<source>g()</source>", "Call f({{x}})."),
        (
            "{{blockquote|Owls sleep here.{{pb}}Owls wake.}}\n{{Verse translation|Bubo canit.|The owl sings.}}",
            "Owls sleep here.\n\nOwls wake.\n\nBubo canit.\n\nThe owl sings.",
        ),
        (
            'He wrote:\n{{poem quote|text=Owls fly\nand sing.}}\nThen "so {{\'"}} ended.',
            'He wrote:\n\nOwls fly and sing.\n\nThen "so \'" ended.',
        ),
        (
            "{{circa|1900}} {{as of|2010|5|lc=y}} {{frac|3|1|2}} {{val|5|e=3|u=m}}",
            "c. 1900 as of May 2010 3 1/2 5×10³ m",
        ),
        ("Born {{birth date|1951|3|9|df=y}} and {{dts|2011-05-06}}.", "Born 9 March 1951 and May 6, 2011."),
        ("He said:{{quote|Be brave, {{lang|fr|mon ami}}.|Me}}", "He said:\n\nBe brave, mon ami."),
        (
            "{{percentage|1|3|1}} {{rnd|3.14159|2}} {{number to words|142}} {{ordinal to word|12}} {{format price|1234567}}",
            "33.3% 3.14 one hundred and forty-two twelfth 1.23 million",
        ),
        ("{{percentage|1|0}} {{rnd|about 3}} {{number to words|x}} {{formatprice|12345.6}}", "about 3 x 12,346"),
        ("{{pop density|5000|10|km2|sqmi|prec=0}} {{±|3}} {{pm|2|1}}", "500/km² (1,300/sq mi) ±3 +2/−1"),
        (
            "At {{km to mi|590|precision=0}} on {{RailGauge|1435}}, {{track gauge|3ft6in}} and 1000mm.",
            "At 590 kilometres (367 mi) on 1,435 mm, 3 ft 6 in and 1000mm.",
        ),
        (
            "The word {{linktext|三|星}} ({{ill|de|Katze|Katze (Tier)|Die Katze}}, {{ill|Cat|de|Katze}}).",
            "The word 三星 (Die Katze, Cat).",
        ),
        (
            "It ({{lang-ca|gat|links=no}}, {{lang-rus|кот|p=kot}}, {{lang-fr|chat|label=none}}) sleeps.",
            "It (Catalan: gat, Russian: кот, chat) sleeps.",
        ),
        (
            "See {{bibleref|Mark|3:25|9}}, {{bibleverse|1|Kings|8:46|KJV}}, ''A v. B'', {{ussc|74|700|1869}}.",
            "See Mark 3:25, 1 Kings 8:46, A v. B, 74 U.S. 700 (1869).",
        ),
        (
            "The {{lcons|uvular}} {{vr|a}} of cats{{aside|all of them}}was {{DentalFormula|upper=1.0|lower=2.0}} in {{Dash year|1943|1945}}.",
            "The uvular ⟨a⟩ of cats – all of them – was 1.0/2.0 in 1943–1945.",
        ),
        ("The As{{su|b=4|p=3−}} ion in {{24hLM|2007}}.", "The As4³⁻ ion in 2007."),
        ("{{INRConvert|5|c}} {{INRConvert|7}} {{currency|100|USD}} {{currency|9|xyz}}", "₹5 crore ₹7 US$100 9"),
        ("The river ends.\n{{-}}\nA lake{{hsp}}begins.", "The river ends.\n\nA lake begins."),
        ("B{{music|flat}} major in {{music|time|3|4}}{{music|quarter}}.", "B♭ major in 3/4."),
        (
            "A 5{{frac|1|2}}-inch, {{frac|3|4}} inch and 1<sup>1</sup>/<sub>2</sub> nail.",
            "A 5 1/2-inch, 3/4 inch and 1 1/2 nail.",
        ),
        ("{{mya|66|65}}, {{bya|3.5}}", "66–65 million years ago, 3.5 billion years ago"),
        ("{{RA|05|55|10}} {{DEC|+07|24|25}} {{deg|45}}", "05h 55m 10s +07° 24′ 25″ 45°"),
        (
            "{{harvtxt|Smith|2000}} and {{harvtxt|A|B|C|1999a|p=5}} say. {{harvs|last=Doe|year=1999}}",
            "Smith (2000) and A, B & C (1999a, p. 5) say.",
        ),
        (
            "{{harvtxt|A|B|C|D|1999}}, {{harvs|txt=yes|last=Doe|year=1999}}: {{slink|Foo|Bar}}",
            "A et al. (1999), Doe (1999): Foo § Bar",
        ),
        ("{{chem|SO|4|2-}} {{chem2|SO4(2-)}} {{chem|Na|+}} {{chem2|H2SO4}}", "SO4²⁻ SO4²⁻ Na⁺ H2SO4"),
        ("5 {{Solar mass}}, {{solar radius|3}}, {{val|2|ul=Solar mass}}", "5 M☉, 3 R☉, 2 M☉"),
        (
            "{{USS|Essex|CV-9}} {{USS|Essex|CV-9|6}} {{HMS|Ark|91|2}} {{ship|French ship|Neptune|1803}} "
            "{{ship|German battleship|Bismarck||2}} {{sclass|Nimitz|carrier}} {{sclass|Nimitz|carrier|4}}",
            "USS Essex (CV-9) USS Essex Ark French ship Neptune (1803) Bismarck Nimitz-class carrier Nimitz class",
        ),
        ("{{resize|90%|Words}} of a <q>kind</q> {{samp|x}}.{{rquote|right|Boxed.}}", 'Words of a "kind" x.'),
        ("a{{ndash}}b{{snd}}c{{mdash}}d", "a–b – c—d"),
        ("x {{#expr: 1310 / 156.9 round 1}} and {{uc:abc}} of {{PAGENAME}}", "x 8.3 and ABC of Title"),
        ("The ''Gazette'''s editor.\nl'''Aurore''", "The Gazette's editor. l'Aurore"),
        ("'''''Both''' sold'' out ''''x''''.", "Both sold out 'x'."),
        ("One<br>two<wbr>three re&shy;mark&nbsp;able &amp;lt; &eacute;", "One twothree remark able &lt; é"),
        ("a <nowiki>[[b]] ''c'' {{d}}</nowiki> e", "a [[b]] ''c'' {{d}} e"),
        ("x<ref name=a/> y<ref>z</ref>.<ref group=n name='q' >w</ref>", "x y."),
        ("3 < 4 and <foo> stays, R&D too", "3 < 4 and <foo> stays, R&D too"),
        ("Text.\n----\n* a\n# b\n; c\n: d\n== H ==\nMore.", "Text.\n\nMore."),
        ("Text.\n{| class=x\n| a\n{|\n| b\n|}\n|}\nMore.", "Text.\n\nMore."),
        ("<poem>Line one\nline two</poem>", "Line one line two"),
        ("<!-- c -->A<!-- d\n-->B\n<!-- e -->\nC", "AB C"),
        (
            "Ada ({{IPAc-en|a}}; 1 May 1900) was ({{lang-fr|}}) here {{unknown}} , there.",
            "Ada (1 May 1900) was here, there.",
        ),
        (
            "H<sub>2</sub>O, 10<sup>&minus;6</sup> and {{val|2|e=18}} m{{sup|2}} on the 5<sup>th</sup>",
            "H2O, 10⁻⁶ and 2×10¹⁸ m² on the 5th",
        ),
        ("call main() and f(x)", "call main() and f(x)"),
        ("wait . . . for it", "wait . . . for it"),
        ("__NOTOC__ A __init__ method. __目次__", "A __init__ method."),
        ("e\u0301", "é"),
        ("A b.\n''See also [[:Category:Births in 1900]]''\n* x", "A b."),
        ("the sound {{IPA|/aw/}} of Rome ({{IPA|/rom/}})", "the sound /aw/ of Rome"),
        ("[[File:A.png|thumb|Caption\n\nmore [[x]]]]A b.", "A b."),
        ("[[Ofbyld:A b.JPG |thumb|left|in [[x]]]]A b [[Alien: Life|film]].", "A b film."),
        (
            "The mean of <math>a_1</math> and <math>b\\,</math> is <math>\\frac{a+b}{2} < 3</math>.",
            "The mean of a₁ and b is (a + b)/2 < 3.",
        ),
        (
            "The <math>k^{th}</math> is <math>\\prod_{b=1}^B x_i y_j^2</math>, not <math>x_{10}y^n z</math>.",
            "The kth is ∏_(b=1)^B x_i y_j², not x₁₀yⁿz.",
        ),
        (
            "It slept.<ref>A</ref><ref name=b/>The [[owl]] woke.<ref>C</ref>[[Owls]] fly.<ref>D</ref>com and A.<ref/>''B'' is.",
            "It slept. The owl woke. Owls fly.com and A. B is.",
        ),
        (
            "See also [[Owls]], [[Rooks]] of Rome.\n\n(See also: ''Jays'')\n\nSee also how it slept. It woke.",
            "See also how it slept. It woke.",
        ),
        (
            "The ''Owl''{{'}}s nest, ''Rook''{{'s}} nest and l{{'}}''Aigle'' in 1969 ({{age|1969|7|20}} years ago).",
            "The Owl's nest, Rook's nest and l'Aigle in 1969.",
        ),
        (
            "Owls fly.\n\nOther birds:\n* A rook\n\nMembers (12)\n* A jay\n\nThey eat these birds:\n* A tit\n\nIt is so: owls fly.\n* A",
            "Owls fly.\n\nThey eat these birds:\n\nIt is so: owls fly.",
        ),
        ("So <math display=block>x = 1</math> where <math>x \\in \\mathbb{R}</math>.", "So\n\nwhere x ∈ ℝ."),
        ("By a law\n\n<math>x = 5</math>, (1)\n\nit grows by <ce>CO2</ce>.", "By a law\n\nit grows by CO2."),
        ("{{nowrap|a {{=}} b}} {{nowrap|c{{!}}d}} {{lang|fr|[[e{{!}}f]] g}}", "a = b c|d f g"),
        ("A mill,[4][5] or two [12]. A list[1] <sup>[[#note|[7]]]</sup>.", "A mill, or two. A list[1]."),
        (
            "An A ({{IPAc-en|eɪ}}) is named {{IPAc-en|uk|ˈ|eɪ}} ({{IPA-fr|a}}; or {{IPA|[b]}}).",
            "An A is named /ˈeɪ/ (or [b]).",
        ),
        ("It fell at {{coord|30|12|N|74|7|W}} in May.\n\n{{coord|1|N|2|E}}", "It fell at 30°12′N 74°7′W in May."),
        ("It cost $5 (${{Inflation|US|5|1929}} now), on x {{closed-open|0, 1}}.", "It cost $5, on x [0, 1)."),
        ("''One ''<ref>x</ref>''two''", "One two"),
    ],
)
def test_rule_gives_the_text_that_a_reader_sees(wikitext: str, text: str) -> None:
    assert clean(wikitext) == text


@pytest.mark.parametrize(
    ("language", "wikitext", "text"),
    [
        ("sv", "Det är {{formatnum:1234567.5}} m", "Det är 1 234 567,5 m"),
        ("mr", "{{formatnum:1234567}} लोक", "१२,३४,५६७ लोक"),
        ("uk", "Слово ({{lang-en|word}}) та {{нп|Ціль|назва||Target}}.", "Слово (англ. word) та назва."),
        ("de", "[[Datei:A.jpg|mini|Bild]]Der {{lang|en|''word''}} {{nowrap|12 km}}.", "Der word 12 km."),
        ("fr", "Il dit « oui » ; {{unité|25|km}} : {{date|6|mai|2011}}", "Il dit « oui » ; 25 km : 6 mai 2011"),
        (
            "fr",
            "On compte {{unité|1234567 chats}} ({{unité|12&nbsp;chats}}), {{unité|34 ch./km 2}}, {{unité|5}} ici.",
            "On compte 1 234 567 chats (12 chats), 34 ch./km², 5 ici.",
        ),
        (
            "fr",
            "Du nom {{latin|cattus}} ; la société {{Lien|langue=en|trad=Cat|fr=Cat|texte=Le Chat}}.",
            "Du nom cattus ; la société Le Chat.",
        ),
        ("fr", "On dit {{MSAPI|ʃ|a}}, pas {{MSAPI|[ʃat]}}.", "On dit [ʃa], pas [ʃat]."),
        (
            "de",
            "Bei {{Höhe|28.1|DE-NHN}} und {{Höhe|1500|CH}} liegt er, {{Höhe|5}} tief.",
            "Bei 28,1 m ü. NHN und 1.500 m ü. M. liegt er, 5 m tief.",
        ),
        ("ca", "Des del {{segle|XIII|s}} hi ha gats.", "Des del segle XIII hi ha gats."),
        (
            "vi",
            "Cao {{convert|7,2|m|ft|0}}, dài {{convert|1,500|m|ft|0}}.",
            "Cao 7,2 m (24 ft), dài 1,500 m (4.921 ft).",
        ),
        ("mr", "तो {{Convert|२४८|mi|km}} आणि {{km to mi|590}} किलोमीटर आहे.", "तो २४८ mi (३९९ km) आणि ५९० किलोमीटर आहे."),
        ("mr", "मांजर ({{Audio-IPA|A.ogg|[mɑː]}} उच्चारले) {{audio|A.ogg|उच्चार}} आहे.", "मांजर ([mɑː] उच्चारले) आहे."),
        ("he", "הם ב{{ה|גן הגדול}} עם דוד {{אנ|David}} {{מקור|הישן}}.", "הם בגן הגדול עם דוד הישן."),
        ("ar", "قط {{لغة-أل|Katze}} هنا.", "قط (بالألمانية: Katze) هنا."),
        ("fa", "گربه {{آلمانی|Katze}} است.", "گربه (به آلمانی: Katze) است."),
        ("ja", "詳細は[[猫の歴史]]、[[犬]]を参照。\n\n猫は寝る。詳細は[[犬]]を参照。", "猫は寝る。詳細は犬を参照。"),
        (
            "uk",
            "Докладніше в статтях: [[Коти]], [[Пси]]\n\nДив. також: [[Коти Європи та інших частин світу]], [[Пси всіх порід]].\n\nКіт спить.",
            "Кіт спить.",
        ),
        ("ja", "猫{{enlink|Cat|a=on}}は寝る。", "猫は寝る。"),
        ("lv", "Kaķis ({{val|de|Katze}}) guļ.", "Kaķis (Katze) guļ."),
        ("it", "Il gatto, che {{chiarire|ieri|quando?}} dormiva{{chiarire}}, va.", "Il gatto, che ieri dormiva, va."),
        ("uk", "Кіт {{fact|старий}} спав{{джерело|5 травня 2010}} у {{langi|de|Haus}}.", "Кіт старий спав у Haus."),
        (
            "el",
            "Οι {{πηγή|πολλές}} γάτες και {{ασαφές|σκύλοι|σχόλιο=ποιοι;}} κοιμούνται.",
            "Οι πολλές γάτες και σκύλοι κοιμούνται.",
        ),
        ("zh", "使用-{zh-hans:计算机;zh-hant:電腦}-與-{里}-。-{T|x}-", "使用计算机與里。"),
        (
            "ja",
            "{{仮リンク|名前|en|Name}}（{{lang|en|x}}）は[[ファイル:A.png|thumb|図]]町である。",
            "名前（x）は町である。",
        ),
        ("ar", "[[ملف:A.jpg|تصغير|x]]نص عربي [[رابط|كلمة]].", "نص عربي كلمة."),
        ("el", "[[Αρχείο:A.jpg|μικρογραφία|x]]Το {{nowrap|5 χλμ}} [[Κατηγορία:Α]]", "Το 5 χλμ"),
        ("hi", "[[चित्र:A.jpg|अंगूठाकार|x]]यह हिन्‍दी है", "यह हिन्‍दी है"),
    ],
)
def test_other_languages_have_their_own_names(language: str, wikitext: str, text: str) -> None:
    assert clean(wikitext, language) == text


@pytest.mark.parametrize(
    ("wikitext", "kept"),
    [
        ("One.\n\nTwo {{cn|date=May.\n\nThree.", "One.\n\nThree."),
        ("One.\n\nTwo. And [[File:A.png|thumb|never.\n\nThree.", "One.\n\nTwo.\n\nThree."),
        ("One.\n\nTwo [[link.\n\nThree.", "One.\n\nTwo link.\n\nThree."),
        ("One.\n\nTwo.<ref>open\n\nThree.<ref>x</ref>", "One.\n\nTwo.\n\nThree."),
        ("One.\n\nTwo}} a]] b.\n\nThree.", "One.\n\nTwo a b.\n\nThree."),
        ("One.\n\nTwo.<!-- open\n\nThree.", "One.\n\nTwo.\n\nThree."),
        ("One.\n\n{{Box|a=\n== H ==\nThree.", "One.\n\nThree."),
        ("One.\n\n{|\n| cell\n\nThree.", "One.\n\nThree."),
    ],
)
def test_an_opening_without_an_end_costs_at_most_its_paragraph(wikitext: str, kept: str) -> None:
    assert clean(wikitext) == kept


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ("87|m|ft|abbr=off|sp=us", "87 meters (285 feet)"),
        ("640000|ha|acre|abbr=on", "640,000 ha (1,600,000 acres)"),
        ("2.5|mi|km", "2.5 miles (4.0 km)"),
        ("100|m", "100 metres (330 ft)"),
        ("92|kg|lb|abbr=on", "92 kg (203 lb)"),
        ("2962|m|ft|abbr=on", "2,962 m (9,718 ft)"),
        ("−40|C|F", "−40 °C (−40 °F)"),
        ("37.5|C", "37.5 °C (99.5 °F)"),
        ("37.5|C|abbr=off", "37.5 degrees Celsius (99.5 degrees Fahrenheit)"),
        ("10|C-change", "10 °C (18 °F)"),
        ("3.5|e6km2|e6sqmi", "3.5 million square kilometres (1.4×10⁶ sq mi)"),
        ("17.1|e6km2|abbr=unit", "17.1 million km² (6.6 million sq mi)"),
        ("2|e9L|abbr=on", "2×10⁹ L (0.53×10⁹ US gal)"),
        ("60|-|170|kg", "60–170 kilograms (130–370 lb)"),
        ("10|x|20|m", "10 by 20 metres (33 ft × 66 ft)"),
        ("5|ft|11|in|cm|abbr=on", "5 ft 11 in (180 cm)"),
        ("1.8|m|ftin", "1.8 metres (5 ft 11 in)"),
        ("3+1/2|mi", "3 1/2 miles (5.6 km)"),
        ("12|km|mi nmi", "12 kilometres (7.5 mi; 6.5 nmi)"),
        ("10|mi|km|0|order=flip", "16 kilometres (10 mi)"),
        ("10|mi|km|sigfig=3|disp=or", "10 miles or 16.1 km"),
        ("50|km/h|adj=on", "50-kilometre-per-hour (31 mph)"),
        ("5|nosuch|m", "5 nosuch"),
        ("5|kg|m", "5 kilograms"),
        ("3|m|ft|abbr=values", "3"),
    ],
)
def test_quantity_is_converted_as_the_template_does(values: str, text: str) -> None:
    assert clean("It is {{convert|" + values + "}}.") == f"It is {text}."


def test_redirects_and_disambiguations_are_skipped_in_any_language() -> None:
    german = Cleaner(SiteInfo(language="de"), ExtractOptions())
    assert german.clean("X", "#WEITERLEITUNG [[Ziel]]").skipped == "redirect"
    assert german.clean("X", "#REDIRECT[[Ziel]]").skipped == "redirect"
    assert german.clean("X", "Text", redirect=True).skipped == "redirect"
    assert german.clean("X", "Wort:\n* a\n{{Begriffsklärung}}").skipped == "disambiguation"
    keeps = Cleaner(SiteInfo(language="de"), ExtractOptions(keep_disambiguations=True))
    assert keeps.clean("X", "Ein Wort.\n{{Begriffsklärung}}").text == "Ein Wort."


def test_siteinfo_names_files_and_categories() -> None:
    site = SiteInfo(language="xx", namespaces=((6, "Bildo"), (14, "Aro")))
    cleaner = Cleaner(site, ExtractOptions())
    assert cleaner.clean("X", "[[Bildo:A.png|x]][[aro:B]][[Alia:C|c]] d").text == "c d"


def test_options_keep_and_drop_templates_by_name() -> None:
    assert clean("a {{mytext|b}} c", keep_templates=("Mytext",)) == "a b c"
    assert clean("a {{nowrap|b}} c", drop_templates=("nowrap",)) == "a c"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x" * 2000, "too-large"),
        ("é" * 600, "too-large"),
        ("[[a]] " * 60, "too-many-nodes"),
        ("", "no-text"),
        ("{{x}}", "no-text"),
    ],
)
def test_a_page_beyond_a_bound_is_rejected_with_its_word(text: str, reason: str) -> None:
    options = ExtractOptions(max_page_bytes=1000, max_nodes=50)
    assert Cleaner(SiteInfo(language="en"), options).clean("X", text).rejected == reason


def test_depth_is_bounded_for_brackets_tables_and_tags() -> None:
    cleaner = Cleaner(SiteInfo(language="en"), ExtractOptions(max_depth=20))
    for opening, closing in (("{{a|", "}}"), ("[[File:a|", "]]"), ("\n{|\n|\n", "\n|}"), ("<div>", "</div>")):
        assert cleaner.clean("X", "A b. " + opening * 12 + "x" + closing * 12).rejected is None
        assert cleaner.clean("X", "A b. " + opening * 60 + "x" + closing * 60).rejected == "too-deep"


def test_rules_are_counted_and_holes_name_their_template() -> None:
    cleaned = Cleaner(SiteInfo(language="en"), ExtractOptions()).clean(
        "X", "It has an area of {{area}} and [[b]].<ref>c</ref>"
    )
    assert cleaned.rules["tag:ref"] == 1
    assert cleaned.rules["link"] == 1
    assert cleaned.rules["hole:area"] == 1
    assert cleaned.holes[0].template == "area"
    assert [hole.context for hole in holes(cleaned.text)] == ["It has an area of and b."]


def test_a_cleaned_page_survives_pickle() -> None:
    cleaned = Cleaner(SiteInfo(language="en"), ExtractOptions()).clean("X", "A {{zz}} , b")
    assert pickle.loads(pickle.dumps(cleaned)) == cleaned


def test_explain_covers_the_whole_page_in_order() -> None:
    cleaner = Cleaner(SiteInfo(language="en"), ExtractOptions())
    text = "A '''b''' [[c|d]] {{cvt|5|km}}.<ref>{{cite|x}}</ref>\n* item\n{|\n| y\n|}\n[[File:z.png|thumb|[[q]]]]\n== H ==\n<!-- n -->"
    spans = explain(cleaner, "X", text)
    assert [span.start for span in spans] == [0, *(span.end for span in spans[:-1])]
    assert spans[-1].end == len(text)
    rules = {span.rule: span.kept for span in spans}
    assert rules["template:cvt"] is True
    assert rules["text"] is True
    assert not any(
        rules[r] for r in ("tag:ref", "table", "file", "list line", "heading line", "comment", "quotes", "link")
    )


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("Die «Zeitung „Abend“» erschien.", "Die «Zeitung „Abend“» erschien."),
        ("Der Orden („Ordo“), ein Orden.", "Der Orden („Ordo“), ein Orden."),
        ("The word “” is “ ” gone «» here.", "The word is gone here."),
    ],
)
def test_closing_quotation_marks_side_by_side_are_no_hole(wikitext: str, text: str) -> None:
    assert Cleaner(SiteInfo(language="de"), ExtractOptions()).clean("X", wikitext).text == text


def test_parameter_outside_of_a_template_prints_its_default_once() -> None:
    cleaned = Cleaner(SiteInfo(language="en"), ExtractOptions()).clean(
        "X", "One {{nowrap|a {{{1|two}}}}} three {{{x|{{lc:B}}}}}."
    )
    assert cleaned.text == "One a two three b."
    assert cleaned.rules["template kept"] == 2


@pytest.mark.parametrize(
    "line", ["''[[:Category:都市]]を参照。''", "[[:Category:都市]]も参照", "See [[:Category:Towns]]."]
)
def test_line_that_only_points_to_a_category_goes(line: str) -> None:
    text = f"One paragraph.\n\n{line}\n\nSee [[:Category:Towns]] for all of them."
    assert clean(text, "ja") == "One paragraph.\n\nSee Category:Towns for all of them."


def test_paragraph_without_a_letter_is_no_prose() -> None:
    assert (
        clean("One paragraph.\n\n7\n\n1 | 2 | 3 | 4 |\n\nIn 1900 it was 1 km.", "el")
        == "One paragraph.\n\nIn 1900 it was 1 km."
    )


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("An owl sat in the [[harbour] of Ostia [sic].", "An owl sat in the harbour of Ostia [sic]."),
        ("An owl sat in the [harbour]] of Ostia.", "An owl sat in the harbour of Ostia."),
    ],
)
def test_link_that_lost_a_bracket_loses_the_others(wikitext: str, text: str) -> None:
    assert clean(wikitext) == text


def test_short_line_above_a_list_is_its_label() -> None:
    assert clean("== Towns ==\nTwin towns\n* Rome\n\nIt grew.\n\nFamous owls\n# Ada") == "It grew."
    assert clean("The owl lives in:\n* Rome\n\nIt sat\nby the sea\n* Ostia") == "The owl lives in:\n\nIt sat by the sea"


def test_numbered_entries_without_marks_are_a_list() -> None:
    assert (
        clean("Owls live here.\n\n1) The coast\n\n2) The lake\n\n3. Owls sleep.") == "Owls live here.\n\n3. Owls sleep."
    )
    assert clean("पक्षी येथे राहतात.\n\n१] किनारा\n\n२] सरोवर", "mr") == "पक्षी येथे राहतात."
    assert clean("Owls live here.\n\n9. The coast") == "Owls live here.\n\n9. The coast"


@pytest.mark.parametrize(
    "line", ["''Main article: [[Owls]]''", "Див. також: [[Сова]]", "पहा : [[घुबड]]", "Brother: Moses"]
)
def test_label_and_what_belongs_to_it_are_no_prose(line: str) -> None:
    assert clean(f"Owls live here.\n\n{line}\n\nHe said: run!") == "Owls live here.\n\nHe said: run!"


def test_half_a_heading_is_no_prose() -> None:
    assert clean("Owls live here.\n\n==The coast\n\nThe lake===\n\nOwls sleep.") == "Owls live here.\n\nOwls sleep."


def test_french_templates_of_amounts_and_languages_print_their_text() -> None:
    wikitext = "L'Autriche ({{en langue|de|Österreich}}) demande {{euro|77.80}} par an."
    assert clean(wikitext, "fr") == "L'Autriche (Österreich) demande 77,80 € par an."


@pytest.mark.parametrize(
    ("language", "wikitext", "text"),
    [
        ("fr", "Elle dit {{citation|oui}} à {{M.|Hugo}} et {{Mme|Sand}}, {{n°|3}}.", "Elle dit « oui » à M. Hugo et Mme Sand, n° 3."),
        ("fr", "Du {{sp|XV|e|au|XVI|e}}, {{s2|I|er|II|e}}, {{-s|II|e}} aussi.", "Du XVe au XVIe siècle, Ier et IIe siècles, IIe siècle av. J.-C. aussi."),
        ("fr", "Un {{référence nécessaire|texte|date=mai 2010}}.", "Un texte."),
        ("en", "A {{citation needed span|claim|date=May 2010}} and {{citation|title=x}}.", "A claim and."),
        ("es", "El {{fecha|27|1|1756}}, {{siglo|IV|a|s=1}} aún.", "El 27 de enero de 1756, siglo IV a. C. aún."),
        ("zh", "他（{{bd|1900年|1月1日|1950年|2月2日}}）生于{{tsl|en|Town|镇}}。", "他（1900年1月1日—1950年2月2日）生于镇。"),
        ("ja", "{{読み仮名|東京|とうきょう}}は{{ルビ|漢|かん}}{{要出典範囲|大きい|date=2010年}}都市。", "東京（とうきょう）は漢大きい都市。"),
        ("ar", "في {{وصلة إنترويكي|عر=مدينة|لغ=en|تر=City}} {{صغير|كبيرة}}.", "في مدينة كبيرة."),
        ("pl", "Miasto ({{łac.|Cracovia}}) leży {{j|5 km}} stąd.", "Miasto (łac. Cracovia) leży 5 km stąd."),
        ("it", "{{M|5|ul=km}} da qui, {{senza fonte|si dice}}.", "5 km da qui, si dice."),
        (
            "it",
            "{{Bio|Nome=Mario|Cognome=Rossi|Sesso=M|LuogoNascita=Roma|GiornoMeseNascita=1º gennaio|AnnoNascita=1900"
            "|LuogoMorte=Milano|AnnoMorte=1950|Attività=scrittore|Attività2=giornalista|Nazionalità=italiano"
            "|PostNazionalità=, noto per [[Libro|un libro]]}}\nNacque povero.",
            "Mario Rossi (Roma, 1º gennaio 1900 – Milano, 1950) è stato uno scrittore e giornalista italiano, noto per "
            "un libro. Nacque povero.",
        ),
        ("fr", "Au XX{{e|siècle}}, le 1{{er}} mai, n{{o}} 5, de l'H{{ind|2}}O, du {{fchim|C|O|2}}.", "Au XXe siècle, le 1er mai, no 5, de l'H2O, du CO2."),
        ("fr", "Né le {{date-|1|janvier|1950}}, mort le {{date|29 9 2019}}, en {{av JC}} aussi.", "Né le 1er janvier 1950, mort le 29 septembre 2019, en av. J.-C. aussi."),
        ("fr", "Les {{sp-|XVIII|e|et|XIX|e|s}}, {{sp|I|ou|II}}, {{s|xx|e}}, {{-s-|V|e}}, {{1er mai}}.", "Les XVIIIe et XIXe siècles, Ier ou IIe siècle, XXe siècle, Ve siècle av. J.-C., 1er mai."),
        ("fr", "Ses {{nb|20|quartiers}}, {{unité|6.02|e=23|mol}} pour {{Mgr}} Hibou et {{japonais|Fukurō|梟}}.", "Ses 20 quartiers, 6,02 × 10²³ mol pour Mgr Hibou et Fukurō (梟)."),
        ("de", "{{csS|Sova}} {{\"|Text=Ich komme.|Autor=X}} gegen {{DEU|#}} Deutschland.", "Sova „Ich komme.“ gegen Deutschland."),
        ("de", "Er liegt bei {{Coordinate|NS=48/8/14/N|EW=11/34/31/E|text=DMS}} im Tal.{{Coordinate|NS=1|EW=2|type=city}}", "Er liegt bei 48° 8′ 14″ N, 11° 34′ 31″ O im Tal."),
        ("es", "Mide {{esd|2850 km}} y 5{{esd}}m.", "Mide 2850 km y 5 m."),
        ("ru", "Он ({{OldStyleDate|6|июня|1799|26|мая}} — {{OldStyleDate|10|мая|1837}}).", "Он (26 мая (6 июня) 1799 — 10 мая 1837)."),
        ("ar", "تبلغ مساحتها {{تحويل|606|كم2}} اليوم.", "تبلغ مساحتها 606 كم2 اليوم."),
        ("he", "הוא כתב כך:\n{{ציטוט|תוכן=הינשוף ישן.}}", "הוא כתב כך:\n\nהינשוף ישן."),
        ("nl", "Hij schreef:\n{{Citaat|tekst=De uil slaapt.}}", "Hij schreef:\n\nDe uil slaapt."),
        ("cs", "Město {{Vjazyce2|de|Eulenburg}} spí.", "Město Eulenburg spí."),
        ("de", "Nach {{Bibel|Mt|5|3-4|EU}} und {{B|Gen|1}} heißt {{Polytonisch|λόγος}} Wort.", "Nach Mt 5,3–4 und Gen 1 heißt λόγος Wort."),
        ("es", "El búho {{cita requerida|caza|fecha=mayo}} de noche{{cita requerida}}.", "El búho caza de noche."),
        ("ru", "В 5 году {{до н. э.}} по {{Библия|Мф|5:3}} за 5 {{рубль}} в {{Флагификация|Сова}}.", "В 5 году до н. э. по Мф 5:3 за 5 ₽ в Сова."),
        ("tr", "Baykuş ({{dil|en|owl}}) uyur.", "Baykuş (owl) uyur."),
    ],
)  # fmt: skip
def test_a_wiki_has_templates_of_its_own(language: str, wikitext: str, text: str) -> None:
    assert clean(wikitext, language) == text


def test_label_of_a_sound_file_is_no_word() -> None:
    wikitext = "'''Берлин''' ({{lang-de|Berlin}}, {{audio|De-Berlin.ogg|произношение}}) — столица."
    assert clean(wikitext, "ru") == "Берлин (нем. Berlin) — столица."


@pytest.mark.parametrize(
    ("wikitext", "text"),
    [
        ("''<ref/>&nbsp;An owl\u200b \u200bsat.", "An owl sat."),
        ("An owl sat [&nbsp;[there] and there], ( ) it said.", "An owl sat [ [there] and there], it said."),
    ],
)
def test_what_goes_leaves_no_blank_and_no_mark(wikitext: str, text: str) -> None:
    assert clean(wikitext) == text


def test_formula_ends_at_a_blank_line() -> None:
    assert clean("Let <math>x be. See [[owls]].\n\n* [[a]]</math> and more.") == "Let and more."
