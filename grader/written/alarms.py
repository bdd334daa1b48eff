"""Words that may take a formula back, limit it, or go on with it, where other words are let pass.

A formula that says what it is of, `∇J = …`, is a whole claim. A sentence that leads to it can only deny it, doubt it or
limit it; one that comes after can take it back, or do something more to it.
"""

from __future__ import annotations

import re


def _one_of(said: str) -> str:
    """A pattern for words as a line of them: flip* is all that begins so."""
    return rf"\b(?:{'|'.join(said.split())})\b".replace("*", r"\w*")


_FALSE = "(?:wrong|incorrect|untrue|false|invalid|mistaken?|erroneous|bogus|flawed|falsch)"
_IT = r"(?:this|that|it|which|the\ above|(?:answer|formula|result|line|step|derivation|gradient)s?|everything|all)"
_RETRACTED = _one_of(
    "typo oops sorry nonsense ignore disregard retract* withdraw* scrap discard unsure doubt maybe perhaps guess* "
    "mislead* tempting forgot forgotten lack lacks missing nicht"
)
_ANSWER = "(?:one|sign|answer|gradient|derivative|result|formula|value|rule|update)"
_RETRACTIONS = re.compile(
    rf"""(?ix) {_RETRACTED}
    | \b{_IT}\W+(?:\w+\W+){{0,3}}?{_FALSE}\b | ^\W*(?:\w+\W+)?{_FALSE}\b | \b(?:an?|the|my)\ (?:\w+\ )?{_FALSE}\b
    | \b{_FALSE}\ (?:sign|factor|way|order|shape|one|answer|formula)\b
    | \b(?:crossed\ out|scratch\ that|take\ (?:it|that|this)\ back|second\ thoughts?|no\ idea|left\ out|off\ by)\b
    | \bforget\ (?:it|that|this|about|the)\b | \bno[,.!] | ^\W*(?:nope|wait|hmm+)\b | \bactually\W+(?:no|not|it|the)\b
    | \b(?:not|n['’]t|never)\ (?:\w+\ ){{0,2}}(?:right|true|correct|valid|the\ (?:\w+\ )?{_ANSWER})\b
    | \b(?:true|real|actual|proper|right|correct)\ {_ANSWER}\b
    | \bsigns?\ (?:should|must|has|have|needs?|is|are)\ (?:to\ )?(?:be\ )?(?:the\ )?(?:other|opposite|revers|flip|chang)
    | \bopposite\ (?:of|sign)\b | \bthe\ (?:opposite|reverse|other\ way)\W*$
    | \b(?:student|friend|classmate|(?:text)?book|internet|chatgpt|tutor)s?\b[^.]{{0,60}}
        \b(?:ha[ds]|have|say|claim|prefer)s?\b
    | \b(?:chang|switch)\w*\ (?:the|its)\ sign | \bother\ sign\b
    | \bonly\ (?:holds|true|valid|correct)\b | \b(?:holds|true|valid|correct)\ only\b
    | \b(?:answer|antwort|result|solution|gradient|derivative)\W{{0,4}}(?:is|:)\W{{0,4}}
        \(?(?:y|ŷ|y_?hat|yhat|-|−)\s*[-−+*·(]
    | \bmy\ (?:own\ )?(?:answer|result|solution)\ (?:comes|is|follows)\b
    """
)
"""Anywhere in an answer."""
_SLOPES = re.compile(
    r"(?i)\b(?:derivative|slope|gradient) of (?:the )?(?:absolute value|sigmoid|activation|norm|penalty|regulari\w+)"
    r"(?: \w+)? (?:is|equals|=) (?:always |just |simply )?(?:one|zero|constant|1|0)\b(?! (?:for|if|where|when))"
)
"""What they are not."""
_TOGETHER = re.compile(
    r"(?i)\b(?:second|third|fourth|higher)\W+(?:order\W+)?(?:partial\W+)?(?:derivatives?|gradients?)\b"
    r"|\b(?:derivative|gradient|slope) of the (?:derivative|gradient|slope)\b"
    r"|\bin (?:its |the )?place(?: of)?\b|\brows? as columns?\b|\bcolumns? as rows?\b|\bevery (?:second|third|other)\b"
)
"""Harmless words that say something together."""
_MORE = _one_of(
    "multipl* divid* scale scales scaled scaling doubl* tripl* halv* squar* negat* add* subtract* invert* revers* "
    "flip* swap* exchang* sum sums summed summing normalise* normalize* clip* replac* complet* correct corrects "
    "corrected"
)
_DOES_MORE = re.compile(
    rf"""(?ix)
      \b(?:must|should|to|still|also|then|afterwards|next|finally|lastly|we|and)\ (?!can\b)(?:\w+\ )?
        (?:(?:be|get|gets|is|are)\ )?(?:\w+\ )?{_MORE}
    | ^\W*{_MORE}
    | \bother\ way\ (?:a?round)\b | \b(?:is|are|be)\ set\ to\ (?:zero|0)\b
    | \b(?:has|have|must|needs?|should|is|are)\ (?:still\ )?(?:to\ )?be
        \ (?:combined|passed|put|joined|included|applied)\b
    | \b(?:another|extra|additional|further|one\ more)\ (?:\w+\ )?(?:factor|term|minus|sign)\b
    | \b(?:minus|up\ to)\b | \bthe\ negative\b(?!\ (?:direction|gradient)) | \bnegative\ (?:of|sign)\b
    | \btimes\ (?:two|three|ten|half|minus|this|it|\d)
    """
)
"""In sentences behind it that lead to no formula of their own."""
_TURNS = re.compile(r"(?i)\b(?:transpose (?:it|this|that|the result)|be transposed|then transposed)\b")
"""The same, where nothing in the formula is transposed."""
_LIMITS = re.compile(
    rf"""(?ix)
      \botherwise\b(?!\s*:) | \bif\b(?!\ (?:we|i|you|one)\b)
    | \bwhen(?:ever)?\b(?!\ (?:we|i|you|one|\w+ing)\b) | \bonly\ (?:for|if|when|in)\b
    | {_one_of("unless until else provided assum* suppos* some sometimes most mostly few partly partially")}
    | {_one_of("either except hypothe* imagine pretend wenn falls")}
    """
)
"""On the way to the formula: it holds in some cases."""
_DENIED = _one_of(
    "not no nor never none neither nothing nobody cannot hardly barely scarcely rarely seldom fail fails differ "
    "differs differing opposite opposed contrary revers* flip* negat* invert* refut* reject* deny denies denied "
    "disprov* impossib* absurd* contradict* except but beware avoid* far might would seem seems presum* prob* "
    "possib* believ* hope hoping wonder* whether suspect* uncertain* unclear likely unlikely approx* roughly "
    "nearly almost estimat* about around twice half double doubles doubled minus claim* alleg* attempt try tried "
    "old older others student students book books summed averaged kein* nein nie ohne statt nur aber pas jamais "
    "faux sans sauf sin nunca"
)
_DENIALS = re.compile(
    rf"(?i){_DENIED}|n['’]t\b|\bup to\b|\b(?:may|could)\b(?! (?:also )?(?:be )?(?:(?:re)?writ|simplif|see))"
)
"""In the clause that leads to it."""
_RENAMES = re.compile(
    r"(?i)\b(?:let|set|call|name|denote|define|take|rename)\b[^.;]{0,40}(?<!\w)[b-zŷ](?!\w)[^.;]{0,40}\b(?:be|as|for|is|the)\b"
    r"|(?<![\w'’])[b-hj-zŷ](?![\w'’])\s+(?:(?:is|be)\s+(?:the|an?)|denotes|means|stands|=)"
)
"""Names among words that get a meaning there."""
_CLAUSE = re.compile(r"[,;:—–](?=\s*\w)|\b(?:so|hence|thus|therefore|then|and|because|since)\b")


def takes_back(said: str) -> str:
    return _found(_RETRACTIONS, said) or _found(_TOGETHER, said)


def says_of_a_slope(said: str) -> str:
    return _found(_SLOPES, said)


def goes_on(said: str, *, is_transposed: bool = False) -> str:
    """`is_transposed`: something in the formula is, and that may be explained."""
    return _found(_DOES_MORE, said) or ("" if is_transposed else _found(_TURNS, said))


def limits(said: str) -> str:
    return _found(_LIMITS, said) or _found(_RENAMES, said)


def denies(said: str) -> str:
    """The formula that stands right behind."""
    return _found(_DENIALS, _CLAUSE.split(said)[-1])


def _found(pattern: re.Pattern[str], said: str) -> str:
    found = pattern.search(said)
    return " ".join(found[0].split()) if found else ""
