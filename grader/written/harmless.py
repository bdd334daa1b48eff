"""Words that may stand behind a formula in its own sentence, and say nothing against it.

Left out for good: denials, conditions, alternatives, approximations ("or", "only", "up to", "about"); what does
something to a formula (times, half, minus, squared, reversed); what a name is said to be (label, prediction, output),
which no random problem could refute; whose a formula is, if not the writer's; and where else a gradient could be taken
(at the new point).
"""

from __future__ import annotations

import re

from grader.written.signs import words

HARMLESS = words(
    # connectives
    "a above accordingly again all along already also altogether an analogous analogously and appropriate as at back "
    "basically because before begin begins below both by clear clearly comes compact consequently conveniently "
    "corresponding correspondingly course direct directly due each earlier easily easy end ends especially every "
    "everything exactly explicitly fact final finally first follow following follows for formally formula from fully "
    "further furthermore general generally hence here i ie immediately in indeed into is it its itself just likewise "
    "moreover my namely nice nicely now of on once one onto our out overall plain precisely previous previously quick "
    "quicker quickly really respective respectively same separately shown similar similarly simple simpler simplest "
    "simply since single so straightforward such that the their them then there thereby therefore these they this "
    "those through throughout thus to together too trivially us usual usually very via way we well what whence where "
    "which whole whose will with within "
    # what is done with formulas
    "appear appearing appears are arrange arranged arrive arrives backpropagate backpropagated backpropagates "
    "backpropagating be become becomes been being bring bringing brings calculate calculated calculates calculating "
    "can cancel canceled canceling cancelled cancelling cancels carried carries carry carrying check checking collect "
    "collected collecting collects come compute computed computes computing conclude consider considering consists "
    "contributes decompose define defined defines definition denote denotes derivation derive derived derives "
    "deriving determine differentiate differentiated differentiates differentiating distribute distributing do does "
    "doing enter entering enters evaluate evaluated evaluates evaluating expand expanded expanding expands explained "
    "express expressed feed feeds find finding finds flow flowing flows found gather gathered gathering get gets "
    "getting give given gives giving go goes going got had has have having insert inserted inserting inserts know "
    "knowing known lead leading leads leave leaves leaving left let lets look looking looks make makes making match "
    "matches matching matter matters means need needed needs notation note notice observe obtain obtained obtaining "
    "obtains pass passed passes passing plug plugged plugging plugs proceed proceeding produces propagate propagated "
    "propagates propagating put puts putting read reading rearrange rearranged rearranging recall reduce reduced "
    "reduces reducing refer remain remaining remains remember reorder reordering repeat respect result resulting "
    "results reuse reusing rewrite rewriting rewritten saw say says see seen show shows simplification simplified "
    "simplifies simplify simplifying solve split stack stacked stacking stacks start started starting starts state "
    "stated stay stays step steps substitute substituted substitutes substituting substitution take taken takes "
    "taking tells update updated updates updating use used uses using work worked working works write writes writing "
    "written yield yielded yielding yields "
    # what they are about
    "activation activations algorithm answer argument backprop backpropagation backward bias biases chain column "
    "columns columnwise common component components componentwise computation contribution cost cross decay "
    "denominator denominators dependence derivative derivatives descent dimension dimensional dimensions downstream "
    "element elements elementwise entries entropy entry entrywise equal equality equals equation equations example "
    "expression expressions factor factors forward fraction fractions function functions gradient gradients "
    "graph hadamard handout hidden hint incoming indices individual input inputs intermediate jacobian layer layers "
    "learning line linear local loss mathematically matrices matrix method network networks neural neuron neurons "
    "next node nodes number numbers numerator numerators operation operations order outer outgoing pair parameter "
    "parameters part partial partials parts path paths penalty piece pre preactivation problem product products "
    "proof propagation property qed quantity question rate recurrence regularisation regularization regularizer "
    "relation required rest row rows rule rules running scalar scalars section sgd shape shapes "
    "shorthand side sides sigmoid size sizes slope solution space stochastic sub subgradient subgradients subtask "
    "summary task term terms theorem upstream value values vector vectorised vectorized vectors weight weights wise "
    "wrt "
    # how they are told
    "agree agrees always any apparent asked bc claimed consistency consistent correct correctly deriv desired dim "
    "done elem elemwise evidently expected fit fits grad great hand last length like ll mat must neat obviously "
    "ok okay right s second sgn should sought third transp ve vec voila wanted "
)
_ONE = r"(?:element|component|entry|coordinate)"
_EACH = rf"(?:{_ONE}-?\ ?wise|(?:on|of|to|for)\ (?:each|every)\ {_ONE}|{_ONE}\ by\ {_ONE})\b"
PHRASES = re.compile(
    rf"""(?ix)
      ^\s*(?:[-*+>•]\s+|\(?(?:\d{{1,2}}|[a-h]|[ivx]{{1,4}})[.)]\s+|\#{{1,6}}\s*)              # marks of lists
    | \b(?:q|question|exercise|problem|part|section|example|step|eq|eqn|equation|layer|answer)s?\.?\ ?
      \(?\d(?:[.,]\d)?[a-h]?\)?(?![\w.,]?\d)
    | \bpart\ \([a-h]\) | ∎ | \bw\.?\ ?r\.?\ ?t\.? | \be\.\ ?g\.,? | \bi\.\ ?e\.,? | \bq\.\ ?e\.\ ?d\.? | \bcf\.
    | \b[Ll][12](?:\ norm|-norm)?\b
    | \border\ (?:of\ [\w ]{{1,30}}\ )?(?:does\ not|doesn['’]t)\ matter\b
    | \ban?\ (?:number|scalar|column|row)\ times\ an?\b
    | (?:\b(?:sign|sgn)\ )?(?:function\ )?(?:is\ )?\b(?:applied|taken|acts?|acting|works|meant|understood)\ {_EACH}
    | \b(?:sign|sgn)\ (?:is\ )?{_EACH}
    | \b(?:using|by|from|in|see|with|of|and|equations?|eqs?\.?)\ \(?(?:\d{{1,2}}|[a-h*])\)(?!\w)      # (2)
    | \b(?:as|in|by|from|of|see|with)\ [1-4]\.\d(?!\d)                                          # 1.1
    | \bshr[aiu]nk\w*\ (?:\w+\ )?by\ (?:a|the)\ (?:same\ )?(?:constant\ )?(?:factor|amount)\b
    | \b(?:towards?|to)\ (?:0|zero)\ by\ (?:a|the)\ (?:same\ )?(?:constant\ )?(?:amount|step)\b
    | \b(?:towards?)\ (?:0|zero)\b
    | \boutput\ (?:layers?|nodes?|units?|neurons?|bias|weights?)\b
    | \bin\ (?:this|our)\ case\b
    | \b(?:only\ (?:needs?|have|has)|(?:needs?|have|has)\ only)\ to\b | \b(?:depends?\ only|only\ depends?)\ on\b
    | \berror\ (?:signal|term)s?\b
    | \babsolute\ value\b
    | \b(?:the\ )?sign\ of\ (?:each|every|the)\ (?:weight|parameter|element|entry|component)s?\b
    | \bat\ (?:0|zero)\b | \b(?:the\ )?division\ is\ {_EACH}
    | \btransposed?\ (?:it\ )?(?:because|since|so\ that|as)\b
    | \bend(?:s|ed)?\ up\ with\b | \bsets?\ up\b | \bor,?\ equivalently\b
    """
)
"""What is harmless as a whole, and might not be word by word."""
