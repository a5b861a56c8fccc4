//! The lexicon of the rules for action items and topics.

/// Verbs that in "I'll ..." or "can you ..." nearly always promise or ask for something to be done later.
pub(super) const STRONG: &[&str] = &[
    "send",
    "email",
    "mail",
    "circulate",
    "prepare",
    "draft",
    "schedule",
    "book",
    "order",
    "submit",
    "contact",
    "arrange",
    "organise",
    "organize",
    "confirm",
    "forward",
    "ping",
    "investigate",
    "invite",
    "document",
    "upload",
    "publish",
    "post",
    "coordinate",
    "notify",
    "chase",
    "distribute",
    "finalise",
    "finalize",
    "hire",
    "deploy",
    "deliver",
    "collect",
    "file",
    "repair",
    "replace",
    "install",
    "print",
    "announce",
    "register",
    "renew",
    "rewrite",
    "resend",
    "compile",
    "assign",
    "escalate",
    "phone",
    "remind",
    "benchmark",
    "refactor",
];

/// Verbs of two words that do so.
pub(super) const STRONG_PAIRS: &[(&str, &str)] = &[
    ("follow", "up"),
    ("look", "into"),
    ("get", "back"),
    ("reach", "out"),
    ("set", "up"),
    ("find", "out"),
    ("put", "together"),
    ("take", "care"),
    ("report", "back"),
    ("write", "up"),
    ("sign", "up"),
    ("open", "a"),
    ("open", "an"),
    ("hand", "over"),
    ("send", "over"),
    ("check", "with"),
    ("check", "whether"),
    ("check", "if"),
    ("speak", "to"),
    ("sort", "out"),
    ("double", "check"),
    ("share", "it"),
    ("share", "the"),
    ("share", "this"),
    ("make", "sure"),
    ("file", "an"),
    ("come", "back"),
    ("ask", "for"),
    ("write", "to"),
];

/// Verbs that do so only where a time stands beside them, or somebody is named to whom it is done.
pub(super) const WEAK: &[&str] = &[
    "write",
    "check",
    "call",
    "ask",
    "update",
    "fix",
    "review",
    "share",
    "create",
    "add",
    "report",
    "merge",
    "test",
    "take",
    "bring",
    "move",
    "finish",
    "sign",
    "pay",
    "buy",
    "make",
    "do",
    "put",
    "try",
    "work",
    "run",
    "propose",
    "push",
    "release",
    "provide",
    "research",
    "read",
    "measure",
    "remove",
    "clean",
    "close",
    "meet",
    "visit",
    "double-check",
    "open",
    "bake",
    "cook",
    "paint",
    "build",
    "pick",
    "drop",
    "decide",
    "complete",
];

/// Words that may stand between a cue and its verb.
pub(super) const BETWEEN: &[&str] = &[
    "also",
    "just",
    "then",
    "probably",
    "definitely",
    "certainly",
    "maybe",
    "go",
    "and",
    "try",
    "to",
    "happily",
    "quickly",
    "actually",
    "still",
    "please",
    "perhaps",
    "now",
    "again",
    "gladly",
    "personally",
    "at",
    "least",
    "ahead",
    "quick",
    "kindly",
];

/// What follows such a verb in talk that promises nothing: "I'll send you through the ...", "make sure I understand".
pub(super) const TALK: &[(&str, &str)] = &[
    ("get", "back into"),
    ("come", "back to that"),
    ("get", "back to that"),
    ("make", "sure i"),
    ("order", "to"),
    ("post", "a question"),
    ("come", "back to this"),
    ("get", "back to this"),
    ("get", "back to it"),
    ("come", "back to it"),
    ("come", "back in"),
    ("find", "out what happens"),
    ("find", "out that"),
    ("find", "out about"),
    ("open", "a little"),
    ("get", "back up"),
    ("hand", "over to"),
    ("remind", "me"),
    ("forward", "with"),
    ("forward", "to"),
    ("share", "the screen"),
    ("share", "my screen"),
    ("make", "sure your"),
    ("make", "sure you're"),
    ("make", "sure that your"),
    ("make", "sure you"),
    ("hand", "it over"),
    ("confirm", "that you"),
    ("post", "your"),
    ("get", "back on"),
    ("confirm", "for me"),
    ("report", "back that"),
    ("order", "a"),
];

/// What begins an open question, said as a sentence.
pub(super) const OPEN: &[&str] = &[
    "open question",
    "we still need to decide",
    "we still have to decide",
    "we still need to figure out",
    "we need to figure out",
    "we have to figure out",
    "we need to decide",
    "we have to decide",
    "we don't know yet",
    "i don't know yet",
    "we still don't know",
    "that is still open",
    "that's still open",
    "is still open",
    "still an open",
    "remains to be seen",
    "to be decided",
    "to be determined",
    "is not clear yet",
    "isn't clear yet",
    "is still unclear",
    "we have not decided",
    "we haven't decided",
    "nobody knows yet",
    "still undecided",
    "need to find out whether",
    "have to find out whether",
];

/// What asks who is to do something.
pub(super) const WHO: &[&str] = &[
    "who will",
    "who's going to",
    "who is going to",
    "who can",
    "who wants to",
    "who owns",
    "who takes",
    "who asks",
    "who could",
];

/// What says that something is decided.
pub(super) const DECIDED: &[&str] = &[
    "we decided",
    "we've decided",
    "we have decided",
    "we agreed",
    "we've agreed",
    "we have agreed",
    "we all agreed",
    "we'll go with",
    "we will go with",
    "let's go with",
    "we're going with",
    "we are going with",
    "then we're agreed",
    "then we are agreed",
    "then that's agreed",
    "so that's decided",
    "that is decided",
    "that's decided",
    "it's decided",
    "it is decided",
    "motion carries",
    "motion is carried",
    "motion carried",
    "motion passes",
    "motion passed",
    "then it's settled",
    "so it's settled",
    "we've settled on",
    "we settled on",
    "voted to approve",
    "so ordered",
];

/// Words that say nothing of what a text is about.
pub(super) const STOP: &str = " a about above across actually after again against ago ah all almost along already also \
although always am among an and another any anybody anyone anything anyway are aren't around as at away back be became \
because become been before began begin behind being believe below best better between big both but by came can can't \
cannot come comes coming could couldn't course did didn't different do does doesn't doing don't done down during each \
either else end enough especially even ever every everybody everyone everything exactly fact far feel felt few find \
fine first for from front full gave get gets getting give given gives go goes going gone gonna good got gotta great \
guess guy guys had hadn't half happen happened happens hard has hasn't have haven't having he he'd he'll he's hear \
heard hello help her here here's hers herself hey hi him himself his hold hope how how's however i i'd i'll i'm i've \
idea if in instead interesting into is isn't it it'd it'll it's its itself just keep kind kinda knew know knows last \
later least left less let let's like likely little long look looked looking looks lot lots love made make makes making \
many matter may maybe me mean means might mine minute minutes moment more most mostly much must my myself name near need \
needed needs never new next nice no nobody none nor not nothing now number of off often oh ok okay old on once one ones \
only onto open or other others our ours out over own part people perhaps person piece place please point possible \
pretty probably put question quite rather read ready really reason remember right said same saw say saying says second \
see seem seemed seems seen set she she'd she'll she's should shouldn't show side since small so some somebody somehow \
someone something sometimes somewhere soon sorry sort sounds start started still stop stuff such suppose sure take \
taken takes taking talk talked talking tell ten than thank thanks that that'll that's the their theirs them themselves \
then there there's these they they'd they'll they're they've thing things think thinking third this those though \
thought three through time times to today together told tomorrow too took top towards true try trying turn two type uh \
uhm um under understand until up upon us use used using usually very wait want wanted wants was wasn't way ways we we'd \
we'll we're we've welcome well went were weren't what what's whatever when where which while who who's whole whom whose \
why will with within without won't wonder wonderful word words work worked working works would wouldn't wow yeah year \
years yep yes yesterday yet you you'd you'll you're you've your yours yourself \
four five six seven eight nine zero hundred thousand million monday tuesday wednesday thursday friday saturday sunday \
january february march april june july august september october november december morning afternoon evening week weeks \
month months day days hour hours bit mm hmm huh uh-huh mm-hm inaudible crosstalk laughter laughs applause music bye \
good-bye goodbye gentlemen ladies everybody's call called ask asked answer able actual ahead alright basically \
certainly clear definitely easy easier entire everybody example finally follow following happy honest literally \
longer obviously simply somewhat suddenly totally truly ultimately various yes-no mr mrs ms dr sir madam ma'am else's \
percent pound pounds euro euros dollar dollars per couple belong belongs lent own owns owned opens fills fill sits sat pays paid \
require requires expand equal mug secure reacted source per-cent designed voted agreed closed per cent means \
bring brings brought close dear early ends fell fill found goodness grow hand held hit kept lead let leave leaves \
line live lose lost meet met move nicely note pay play plus raise run runs seat send sent short shown sit speak spoke \
stand stay step store tend test thinks tried wanna watch wish wrote write written ";
