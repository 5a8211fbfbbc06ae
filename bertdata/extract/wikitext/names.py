"""What `<siteinfo>` doesn't say: local names of namespaces, redirect words, disambiguation templates, language codes.

Names are facts of each wiki's MediaWiki. They are used on every wiki: a file prefix of one language is no title's
prefix in another, and a dump's siteinfo may be the English one. All are lower case, with spaces for underscores.
"""

from __future__ import annotations


def _words(text: str) -> list[str]:
    return text.split()


FILE_NAMES = frozenset(
    name.strip()
    for name in """
file|image|datei|bild|fichier|imagen|archivo|immagine|ficheiro|imagem|arquivo|bestand|afbeelding|plik|grafika|файл
изображение|зображення|выява
fájl|kép|fil|billede|tiedosto|kuva|soubor|súbor|obrázok|slika|slike|datoteka|fișier|fişier|imagine|dosya|resim|tập tin
hình|berkas|gambar|fail
ファイル|画像|파일|그림|文件|档案|檔案|图像|圖像|图片|圖片|ملف|صورة|پرونده|تصویر|קובץ|תמונה|αρχείο|εικόνα|картинка|датотека|слика|медија|চিত্র
ছবি
चित्र|फ़ाइल|फाइल|संचिका|दस्तावेज़|படிமம்|கோப்பு|దస్త్రం|బొమ్మ|ಚಿತ್ರ|ചിത്രം|പ്രമാണം|ไฟล์|ภาพ|ភាព|ຮູບ|ပုံ|ဖိုင်|པར|ගොනුව
රූපය|ਤਸਵੀਰ|ફાઇલ|ચિત્ર|ଫାଇଲ|ଛବି
fitxer|imatge|fichièr|imaxe|imache|imaghju|ficheru|imaxen|fitxategi|irudi|restr|skeudenn|delwedd|íomhá|dealbh|fayl
faylo|файл|сурет|şəkil|fayl|файл
պատկեր|ფაილი|სურათი|файл|şəkil|shəkil|vaizdas|attēls|fails|pilt|mynd|myndin|dosiero|bildo|imago|fasciculus|imagine
plaetje|ôfbielding|beeld|lêer|beeld
talaksan|larawan|barkas|payl|hulagway|paypay|gambar|tefaqan|picha|faili|àwòrán|fáìlì|hoto|sawir|sary|rakitra|skedari
figura|kortteko|fayl|wêne
ragad|magem|imatch|fail|dataja|wobraz|dataja|obraz|figuro|ümmer|datäi|bild|bildche|fichye|imaj|fichiè|figura|immaggini
fiura|archivio|fiùre|immàggine
файл|хурæг|ойлоон|билид|мэдээ|үкерчек|ӳкерчĕк|рәсем|рәсем|һүрәт|суруат|ойуу|билэ|зураг|акс|tasvir|rasm|файл|сүрөт
сурат|хуьрт|хӀума|сурт|сүрөт
တီဖိုင်|فائل|تصوير|عکس|وێنە|پەڕگە|فایل|طیف|دوتنه|رسم|شکیل|طیلە|媒體文件|檔|作品|媒体文件|fil|bildu|mynd|skrá|файл|файл|фајл
attels|fails|atvaizds|imachen|archivu|ofbyld|faidhle|arkivo|archivi|податотека|rikcha|mmàggini|skeda|imàjine
ragiv|ስዕል|tasvir
""".replace("\n", "|").split("|")
    if name.strip()
)

CATEGORY_NAMES = frozenset(
    name.strip()
    for name in """
category|kategorie|catégorie|categoría|categoria|categorie|kategoria|kategori|luokka|kategória|категория|категорія
категорија|катэгорыя|катэгорыя
kategorija|kategooria|kategorio|kategoriya|kateqoriya|kategoriýa|thể loại|カテゴリ|분류|分类|分類
تصنيف|رده|رده‌ها|زمرہ|קטגוריה
κατηγορία|বিষয়শ্রেণী|श्रेणी|वर्ग
பகுப்பு|వర్గం|ವರ್ಗ|വർഗ്ഗം|หมวดหมู่|ចំណាត់ថ្នាក់ក្រុម|ໝວດ|ကဏ္ဍ|ප්‍රවර්ගය|ප්රවර්ගය|ਸ਼੍ਰੇਣੀ|શ્રેણી|ଶ୍ରେଣୀ|श्रेणी|वर्गः
पुचः|कटेगरी|कॅटेगरी
flokkur|bólkur|kategorie|catigurìa|catiguria|categurìa|rummad|categorîa|ctg|catagóir|catagòir|roinn-seòrsa|categori
categuria|klassezeze
կատեգորիա|კატეგორია|санат|category|категория|төркем|категори|категори|категори|гурӯҳ|туркум|turkum|категория|категория
ангилал|категорија
jamii|ẹ̀ka|rukuni|qayb|sokajy|kategorija|catenyl|saotra|sort|denklo|klad|klasse|kategorie|kaarangay|kategorya|kawani
sagot|kategoriija
ശ്രേണി|پۆل|هاوپۆل|پول|وېشنيزه|بؤلمه|زمره|گروپ|קאַטעגאָריע|קאטעגאריע|کٹیگری|گٹھ|رج|جۆر|kategoriye|kategorî|pol|dosye
kategori|pajenn|rupepeq
мунашалăх|категориĕ|катего́рия|катагори|каталог|катехор|rubrik|luoküs|lodeg|catigoria|catigoria|kattegorie|kategorie
vuodde|afdeelung|መደብ|categorìa|katiguriya
""".replace("\n", "|").split("|")
    if name.strip()
)

REDIRECT_WORDS = frozenset(
    _words(
        "redirect redirección redireccion redirecció redirection weiterleitung rinvia rinvio redirecionamento "
        "redirecciona doorverwijzing patrz przekieruj tam перенаправление перенапр перенаправлення перенаправити "
        "перанакіраванне перанакіраваньне пренасочване виж преусмери преусмјери пренасочување omdirigering "
        "videresend omdirigér ohjaus uudelleenohjaus átirányítás přesměruj presmeruj přesměrovat preusmeritev "
        "preusmjeri redirectează yönlendirme yönlendir đổi alih 転送 リダイレクト 넘겨주기 重定向 "
        "تحويل تغییرمسیر تغییر_مسیر "
        "הפניה רجوع ανακατευθυνση ανακατεύθυνση पुनर्प्रेषित अनुप्रेषित पुनर्निर्देशन पुर्ननिर्देशन পুনর্নির্দেশ "
        "வழிமாற்று దారిమార్పు ಪುನರ್ನಿರ್ದೇಶನ തിരിച്ചുവിടുക เปลี่ยนทาง အလိုအလျောက် tilvísun alidirektu suunatud "
        "suuna peradresavimas peradresuot pāradresācija birzuketa ailgyfeirio athsheoladh adkas rexirixir айдау "
        "aýdaw юнәлтү йүнәлтеү yönləndirmə istiqamətləndir վերահղում გადამისამართება чиглүүлэх равона kugeuzauza"
    )
)

# Wikipedias' interlanguage prefixes: a link to one goes to the sidebar.
LANGUAGE_CODES = frozenset(
    _words(
        "aa ab ace ady af ak als alt am ami an ang ann anp ar arc ary arz as ast atj av avk awa ay az azb ba ban "
        "bar bat-smg bbc bcl bdr be be-tarask be-x-old bew bg bh bi bjn blk bm bn bo bpy br bs btm bug bxr ca "
        "cbk-zam cdo ce ceb ch cho chr chy ckb co cr crh cs csb cu cv cy da dag de dga din diq dsb dtp dty dv dz "
        "ee el eml en eo es et eu ext fa fat ff fi fiu-vro fj fo fon fr frp frr fur fy ga gag gan gcr gd gl glk "
        "gn gom gor got gpe gsw gu guc gur guw gv ha hak haw he hi hif ho hr hsb ht hu hy hyw hz ia iba id ie ig "
        "igl ii ik ilo inh io is it iu ja jam jbo jv ka kaa kab kbd kbp kcg kg kge ki kj kk kl km kn knc ko koi "
        "kr krc ks ksh ku kus kv kw ky la lad lb lbe lez lfn lg li lij lld lmo ln lo lrc lt ltg lv lzh mad mai "
        "map-bms mdf mg mh mhr mi min mk ml mn mni mnw mo mos mr mrj ms mt mus mwl my myv mzn na nah nan nap nb "
        "nds nds-nl ne new ng nia nl nn no nov nqo nr nrm nso nup nv ny oc olo om or os pa pag pam pap pcd pcm "
        "pdc pfl pi pih pl pms pnb pnt ps pt pwn qu rm rmy rn ro roa-rup roa-tara rsk ru rue rup rw sa sah sat sc "
        "scn sco sd se sg sgs sh shi shn si simple sk skr sl sm smn sn so sq sr srn ss st stq su sv sw szl szy ta "
        "tay tcy tdd te tet tg th ti tig tk tl tly tn to tok tpi tr trv ts tt tum tw ty tyv udm ug uk ur uz ve "
        "vec vep vi vls vo vro wa war wo wuu xal xh xmf yi yo yue za zea zgh zh zh-classical zh-cn zh-min-nan "
        "zh-tw zh-yue zu"
    )
)

# Languages whose wikis print one of several variants out of -{ … }-.
VARIANTS: dict[str, tuple[str, ...]] = {
    "zh": ("zh-hans", "zh-cn", "zh", "zh-sg", "zh-hant", "zh-tw", "zh-hk"),
    "gan": ("gan-hans", "gan-hant", "gan"),
    "wuu": ("wuu-hans", "wuu-hant", "wuu"),
    "sr": ("sr-ec", "sr-cyrl", "sr", "sr-el", "sr-latn"),
    "sh": ("sh-latn", "sh", "sh-cyrl"),
    "kk": ("kk-cyrl", "kk", "kk-latn", "kk-arab"),
    "ku": ("ku-latn", "ku", "ku-arab"),
    "uz": ("uz-latn", "uz", "uz-cyrl"),
    "tg": ("tg", "tg-cyrl", "tg-latn"),
    "crh": ("crh-latn", "crh", "crh-cyrl"),
    "iu": ("ike-cans", "iu", "ike-latn"),
    "shi": ("shi-latn", "shi", "shi-tfng"),
    "ban": ("ban", "ban-bali"),
    "zgh": ("zgh", "zgh-latn"),
    "tly": ("tly", "tly-cyrl"),
    "mni": ("mni", "mni-beng"),
}

DISAMBIGUATION_ANYWHERE = frozenset(["disambig", "disambiguation", "disamb", "disambiguation page"])
_DISAMBIGUATION = """
en: dab|hndis|geodis|disambig-cleanup
en: disambiguation cleanup|letter-number combination disambiguation|human name disambiguation|human name dab
en: place name disambiguation|airport disambiguation|mathdab|schooldis|roaddis
en: hospitaldis|numberdis|callsigndis|genus disambiguation|shipindex|wp disambig
simple: dab|hndis|geodis
af: dubbelsinnig
als: begriffsklärung
an: desambigación
ar: توضيح
arz: توضيح
ast: dixebra
az: dəqiqləşdirmə
azb: دقیقلشدیرمه
ba: күп мәғәнәлелек
bar: begriffsklearung
be: неадназначнасць|неадназначнасць-асоба
be-tarask: неадназначнасьць
bg: пояснение
bn: দ্ব্যর্থতা নিরসন
br: disheñvelout
bs: čvor
ca: desambiguació
ce: дуккхамаьӀнаш
ckb: ڕوونکردنەوە
cs: rozcestník|rozcestník - jméno
cv: нумай пĕлтерĕш
cy: gwahaniaethu
da: flertydig
de: begriffsklärung
el: αποσαφήνιση|αποσαφ|disambig-geo
eo: apartigilo
es: desambiguación|desambig|des
et: täpsustus|täpsustuslehekülg
eu: argipen
fa: ابهام‌زدایی|ابهامزدایی
fi: täsmennyssivu
fo: fleiri týdningar
fr: homonymie|patronymie|paronymie|toponymie|homonymes
frr: muardüüdag artiikel
fy: neibetsjuttings|tfs
ga: idirdhealú|idirdhealáin
gd: soilleireachadh
gl: homónimos
gu: સંદિગ્ધ શીર્ષક
he: פירושונים
hi: बहुविकल्पी शब्द|बहुविकल्पी
hr: razdvojba
hsb: wjacezmyslnosć
ht: menm non
hu: egyért|egyért-redir
hy: բազմիմաստություն|բազմիմաստ
ia: disambiguation
id: disambiguasi|disambig
io: homonimo
is: aðgreining
it: disambigua
ja: aimai|曖昧さ回避|人名の曖昧さ回避|地名の曖昧さ回避
jv: disambiguasi
ka: მრავალმნიშვნელოვანი
kk: айрық
kn: ದ್ವಂದ್ವ ನಿವಾರಣೆ
ko: 동음이의|동명이인|동음이의어
ku: cudakirin
ky: көп маанилүү
la: discretiva
lb: homonymie
li: verdudeliking
lmo: desambiguassiù
lt: nuorodinis|disambig
ltg: zeimeibu škiršona
lv: nozīmju atdalīšana
mg: pejy mitovy anarana
mk: појаснување
ml: വിവക്ഷകൾ
mn: салаа утгатай
mr: निःसंदिग्धीकरण|नि:संदिग्धीकरण
ms: nyahkekaburan
my: သံတူကြောင်းကွဲ
mzn: گجگجی بیری
nap: disambigua
nds: mehrdüdig begreep
ne: अस्पष्टता
nl: dp|dpintro|doorverwijspagina
nn: fleirtyding
no: peker|pekerside|flertydig
oc: omonimia
os: бирæнысанон
pa: ਗੁੰਝਲ-ਖੋਲ੍ਹ
pl: ujednoznacznienie
pms: gestion dj'omònim
pt: desambiguação|desambig
qu: sut'ichana qillqa
ro: dezambiguizare|dez
ru: неоднозначность|disambig|неоднозначность2|фамилия|список однофамильцев
sah: суолталар
scn: disambigua
sco: disambig
sh: razvrstavanje|čvor
si: වක්රෝත්ති|වක්‍රෝත්ති
sk: rozlišovacia stránka
sl: razločitev
sq: kthjellim
sr: вишезначна одредница|вишезначност
sv: förgrening|grensida|efternamn
sw: maana
ta: பக்கவழி நெறிப்படுத்தல்
te: అయోమయ నివృత్తి
tg: ибҳомзудоӣ
th: แก้กำกวม|แก้ความกำกวม
tl: paglilinaw
tr: anlam ayrımı|anlam ayrım
tt: күп мәгънәләр
uk: неоднозначність|disambig|багатозначність
ur: ضد ابہام
uz: maʼnolari|ma'nolari
vec: dixanbigua
vi: trang định hướng|định hướng
vo: telplänov
war: pansayod
yi: באדייטן
zh: 消歧义|消歧义页|消歧義|消歧義頁|disambig|地名消歧义|人名消歧义|nlt
zh-yue: 搞清楚
"""


def disambiguation_names(language: str) -> frozenset[str]:
    """Return the templates that make a page of this wiki a disambiguation page.

    >>> "begriffsklärung" in disambiguation_names("de"), "dp" in disambiguation_names("de")
    (True, False)
    """
    lines = (line.split(": ", 1) for line in _DISAMBIGUATION.strip().splitlines())
    names = {name for code, names in lines if code == language for name in names.split("|")}
    return DISAMBIGUATION_ANYWHERE | names
