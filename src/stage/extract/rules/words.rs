//! What single words are known for.
//!
//! The lists here hold what patterns need: months, units, titles, the ends of company names, and words that are no
//! names though a sentence may start with them. The long ones, of names and of common words, are files of
//! `lexicon`; `phrases` knows the names of several words in them.

use std::sync::LazyLock;

use super::phrases::{self, FILES};

/// What a word may be, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Class(u64);

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        impl Class {
            $($(#[$doc])* pub(super) const $name: Self = Self(1 << $bit);)*
        }
    };
}

classes! {
    /// Never a name by itself, though a sentence starts with it.
    STOP = 0;
    /// A given name.
    FIRST = 1;
    /// A country, region or city.
    PLACE = 2;
    MONTH = 3;
    WEEKDAY = 4;
    /// A number in words below a hundred.
    NUMBER = 5;
    /// hundred, thousand, million.
    SCALE = 6;
    /// Stands before a person's name.
    TITLE = 7;
    /// The last word of an organization's name.
    ORG_END = 8;
    /// The last word of a place's name.
    PLACE_END = 9;
    /// The first word of a place's name.
    PLACE_START = 10;
    UNIT = 11;
    CURRENCY = 12;
    /// A currency's code.
    CODE = 13;
    /// British, Dutch, Catholic: a people or a faith.
    NATION = 14;
    /// What a person is in an organization.
    ROLE = 15;
    /// A role that leads it.
    LEADER = 16;
    /// A well-known organization.
    ORG = 17;
    /// A well-known product.
    PRODUCT = 18;
    /// The last word of an event's name.
    EVENT_END = 19;
    /// The last word of a work's name.
    WORK_END = 20;
    ORDINAL = 21;
    /// Joins the parts of a person's name.
    PARTICLE = 22;
    /// What persons do with words.
    SAYS = 23;
    /// week, month, year.
    PERIOD = 24;
    /// Says little between a name and its verb.
    FILLER = 25;
    /// the, our, new: says little before a name.
    BEFORE = 26;
    /// Denies, doubts or asks.
    DOUBT = 27;
    /// May stand before `of` in a name: University of, Bank of.
    HEAD = 28;
    /// Never within a name, even with a capital.
    LINK = 29;
    /// A common word that names of things are made of, but not those of persons.
    NOUN = 30;
    /// A word that is rather written in lower case.
    COMMON = 31;
    /// A family name.
    FAMILY = 32;
    /// A well-known event.
    EVENT = 33;
    /// A well-known work.
    WORK = 34;
    /// A name of several words may start with it.
    OPENS = 35;
}

impl Class {
    pub(super) fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What the lexicon knows of a word in lower case.
    pub(super) fn of(word: &str) -> Self {
        LEXICON.class(word)
    }
}

/// Classes of words that are no names by themselves.
const PLAIN: Class = Class::COMMON
    .or(Class::STOP)
    .or(Class::NOUN)
    .or(Class::UNIT)
    .or(Class::CURRENCY)
    .or(Class::ORG_END)
    .or(Class::PLACE_END)
    .or(Class::EVENT_END)
    .or(Class::WORK_END)
    .or(Class::ROLE);

/// Whether a word in lower case is a common one, or a form of one: `talks`, `talking`, `quickly`.
pub(super) fn is_common(word: &str) -> bool {
    let known = |word: &str| Class::of(word).has(PLAIN);
    if known(word) {
        return true;
    }
    let stems = [
        "s", "es", "ed", "d", "ing", "ings", "er", "ers", "ly", "in'", "y", "ness", "less", "able",
        "ish", "ful",
    ];
    let doubled = |stem: &str| {
        let mut last = stem.bytes().rev();
        let twice = last.next() == last.next();
        twice && stem.get(..stem.len().saturating_sub(1)).is_some_and(known)
    };
    let stemmed = stems.iter().any(|end| {
        word.strip_suffix(end).is_some_and(|stem| {
            let long = stem.len() > 2;
            let with_e =
                || matches!(*end, "ing" | "er" | "ed" | "able") && known(&format!("{stem}e"));
            long && (known(stem) || doubled(stem) || with_e())
        })
    });
    // `self-driving`, `year-over-year`.
    stemmed || word.contains('-') && word.split('-').all(|part| part.len() < 3 || known(part))
}

/// All lists as one table of open addressing: every word that is said is looked up several times, and searching
/// in sorted lists took a third of all time.
struct Lexicon {
    entries: Vec<(&'static str, Class)>,
    /// One more than the index of an entry; 0 is free. Twice as many as entries at least, a power of two.
    slots: Vec<u32>,
}

impl Lexicon {
    fn class(&self, word: &str) -> Class {
        for slot in self.probe(word) {
            let Some(at) = self.slots.get(slot).and_then(|at| at.checked_sub(1)) else {
                break;
            };
            match self.entries.get(at as usize) {
                Some((known, class)) if *known == word => return *class,
                _ => {}
            }
        }
        Class::default()
    }

    /// The slots where a word may be, from its hash on (FNV-1a).
    fn probe(&self, word: &str) -> impl Iterator<Item = usize> + use<> {
        let hash = word.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        let mask = self.slots.len().wrapping_sub(1);
        let start = (hash ^ (hash >> 15)) as usize;
        (0..=mask).map(move |step| (start + step) & mask)
    }

    fn of(mut all: Vec<(&'static str, Class)>) -> Self {
        all.sort_by_key(|(word, _)| *word);
        all.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 = kept.1.or(next.1);
            }
            same
        });
        let slots = vec![0; (2 * all.len()).next_power_of_two()];
        let mut out = Self {
            entries: all,
            slots,
        };
        for (at, (word, _)) in (1..).zip(&out.entries) {
            let free = out
                .probe(word)
                .find(|slot| out.slots.get(*slot) == Some(&0));
            if let Some(slot) = free.and_then(|slot| out.slots.get_mut(slot)) {
                *slot = at;
            }
        }
        out
    }
}

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut all: Vec<(&'static str, Class)> = Vec::new();
    for (class, words) in LISTS {
        all.extend(words.split_whitespace().map(|word| (word, *class)));
    }
    for (class, _, file) in FILES {
        all.extend(phrases::words(file).map(|word| (word, class)));
    }
    all.extend(phrases::openings().map(|word| (word, Class::OPENS)));
    Lexicon::of(all)
});

const LISTS: &[(Class, &str)] = &[
    (Class::STOP, STOP),
    (
        Class::MONTH.or(Class::STOP),
        "january february march april may june july august september october november december \
         jan feb mar apr jun jul aug sept sep oct nov dec",
    ),
    (
        Class::WEEKDAY.or(Class::STOP),
        "monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays \
         saturdays sundays",
    ),
    (
        Class::NUMBER.or(Class::STOP),
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen \
         seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety",
    ),
    (
        Class::SCALE.or(Class::STOP),
        "hundred thousand million billion trillion dozen",
    ),
    (
        Class::ORDINAL.or(Class::STOP),
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth \
         fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth",
    ),
    (
        Class::TITLE.or(Class::STOP),
        "mr mrs ms miss mx dr prof professor doctor sir dame lord lady captain sergeant councillor senator judge \
         president minister chancellor governor mayor congressman congresswoman secretary admiral general colonel \
         justice officer sheriff detective lieutenant commissioner ambassador pastor rabbi bishop corporal commander \
         deputy congressperson archbishop cardinal imam reverend sister brother uncle aunt king queen prince princess pope saint",
    ),
    (
        Class::ORG_END,
        "inc ltd llc plc corp corporation company co gmbh ag trust council university bank group foundation \
         association committee ministry department agency institute institution school college board authority \
         union church club society partners holdings technologies technology systems labs laboratory laboratories \
         airlines airways insurance forge freight steel quarry bakery brewery press gazette times tribune herald \
         journal magazine media studios records radio television network fund capital ventures securities \
         commission court parliament congress senate party federation league alliance coalition organization \
         organisation office bureau service services police army navy station hospital clinic centre center team \
         energy power oil gas motors pharmaceuticals pharma telecom communications software solutions industries \
         international exchange cooperative coop academy consortium hire works government estates brothers sons associates \
         consulting logistics shipping railways railway post ledger observer limited brokerage global financial foods \
         retail bancorp sachs airline realty housing shipbuilding robotics construction analytics instruments division airborne \
         regiment battalion brigade squadron management motor electric telephone telegraph mills enterprises ventures \
         communications entertainment pictures productions ministries registry diagnostics therapeutics biosciences \
         semiconductor semiconductors aerospace automotive chemical chemicals materials mining minerals petroleum \
         resources utilities infrastructure logistics properties apartments cinemas stores supermarkets market markets \
         advisors advisers research review news daily sun globe inquirer examiner chronicle mercury monitor \
         congregation synagogue mosque temple parish diocese choir orchestra symphony philharmonic band ballet opera",
    ),
    (
        Class::HEAD,
        "university bank ministry department institute board house bay gulf church republic city state school \
         college office council bureau academy museum isle duke court society library university kingdom \
         federation chamber commission secretary",
    ),
    (
        Class::PLACE_END,
        "river street road avenue lane bridge harbour harbor bay island islands lake mountain mountains mount \
         valley park quay mill weir county city town village square point beach coast hill hills forest castle \
         tower airport ocean sea canal desert peninsula province district inn hotel hall house estate wharf dock \
         docks marina field basin canyon plaza terrace boulevard drive parkway highway freeway tunnel plateau glacier \
         marsh swamp lagoon strait channel pass ridge springs rapids cove ranch farm camp prison jail cemetery zoo \
         garden gardens palace shrine creek falls heights archive museum library theatre theater stadium cathedral",
    ),
    (
        Class::PLACE_START,
        "river lake mount mt port fort cape isle gulf north south east west northern southern eastern western new \
         san santa los las el saint st",
    ),
    (
        Class::UNIT,
        "metre metres meter meters kilometre kilometres kilometer kilometers km miles mile feet foot inches inch \
         centimetres centimeters cm millimetres millimeters mm kilograms kilogram kilos kilo kg grams gram tonnes \
         tonne tons ton lbs ounces litres litre liters liter gallons knots knot degrees watts kilowatts megawatts \
         gigawatts kw mw gw kwh mwh gwh milliseconds microseconds bytes kilobytes megabytes gigabytes terabytes kb mb gb tb hectares acres barrels ounce hertz hz mhz \
         ghz volts amps",
    ),
    (
        Class::CURRENCY,
        "dollars dollar euros euro pounds pence cents cent yen yuan renminbi rand rands rupees rupee won francs \
         krona kronor kroner pesos peso reais naira cedis cedi bucks quid sterling rubles roubles zloty shillings ruble shekels nickels dimes pennies \
         dirhams lira",
    ),
    (
        Class::CODE.or(Class::STOP),
        "usd eur gbp cop brl inr jpy cny rmb zar clp mxn pln rub cad aud chf sek nok dkk krw ngn ghs rub php",
    ),
    (
        Class::LEADER.or(Class::ROLE).or(Class::STOP),
        "ceo president chair chairman chairwoman chairperson director head leader founder cofounder co-founder \
         principal boss editor captain mayor governor minister owner host",
    ),
    (
        Class::ROLE.or(Class::STOP),
        "cfo cto coo cio cmo ciso vp manager treasurer secretary engineer scientist researcher professor developer \
         designer architect analyst teacher member partner officer spokesman spokeswoman spokesperson reporter \
         journalist writer economist lawyer attorney doctor nurse hydrologist millwright foreman master adjuster \
         consultant lecturer fellow student producer contributor maintainer advocate chief representative \
         coordinator supervisor technician accountant operator trustee curator author co-author coauthor creator inventor \
         co-creator host co-host cohost graduate alumnus alum ambassador evangelist administrator commander captain \
         programmer physicist chemist biologist historian sociologist psychologist economist mathematician strategist \
         minister senator ceo",
    ),
    (
        Class::EVENT_END,
        "conference summit festival storm workshop war cup championship championships olympics symposium expo \
         marathon hackathon election crisis revolution con games day forum gala parade tournament derby prix riot riots massacre strike depression \
         movement holocaust uprising rebellion festival fair trial hearings convention bowl series",
    ),
    (
        Class::LINK,
        "from at with by to in on or but as is are was if so about into over than then i me we you",
    ),
    (Class::NOUN, NOUN),
    (
        Class::WORK_END,
        "act bill treaty agreement constitution bible protocol standard hour podcast",
    ),
    (
        Class::PARTICLE,
        "de van von der den da del di la le el al bin ibn dos du ter y d' af av",
    ),
    (
        Class::SAYS,
        "said says told asked asks thinks thought mentioned explained wrote writes suggested replied added agreed \
         called wants knows believes sent came showed did does has was is will would can could",
    ),
    (
        Class::PERIOD,
        "week month quarter year weekend decade century summer winter spring autumn fall night semester term season",
    ),
    (
        Class::FILLER,
        "is was are were be been being has have had 's 've 'd 're also now just recently already then still \
         actually really finally originally currently always often usually probably directly then once both \
         basically obviously eventually later first again will 'll who which that and",
    ),
    (
        Class::BEFORE,
        "the a an our their its his her my your this that these those new old local small big large whole entire \
         own little great famous same other first second third original called named",
    ),
    (
        Class::DOUBT,
        "not n't never no without if whether would could might may should unless hardly neither nor cannot isn't \
         wasn't aren't weren't don't doesn't didn't won't wouldn't couldn't can't hasn't haven't hadn't shouldn't \
         maybe perhaps almost nearly wish hope suppose imagine what why how when where",
    ),
];

/// Function words, and what else often starts a sentence, an answer or a thought.
const STOP: &str = "\
a about above absolutely accept according across act actually add added adding after afterwards again against ago \
ah aha alas alright all allow allowed almost alone along already also although altogether always am amazing among \
an and another any anybody anyhow anyone anything anyway anyways anywhere apart apologies apparently are aren't \
around as aside ask asked asking at audio available away awesome awful \
back bad based basically be bear because become been before began begin behind being believe below beside besides \
best better between beyond big bit block both brief briefly bring bringing broadly brother brutal build building \
built but buy by bye \
call called calling came can can't cannot cause certain certainly chain chapter check cheers choose class clear \
clearly close code coffee cold come comes coming comment community compare congrats congratulations consider \
continue cool copy correct could couldn't count course crazy create creating curious current currently cut \
customer customers \
dad data day days dear deep definitely depending despite did didn't difference different directly do does doesn't \
doing don't done double down draw due during \
each earlier early easy echo either else ended enough especially essentially et etc even evening eventually ever \
every everybody everyone everything everywhere evidently exactly excellent except excuse exciting expect \
fair fairly fantastic far fast feel few figure finally find fine firstly follow following for forget form \
former forward frankly free from full fully fun funny further furthermore future \
game gave generally gentlemen get gets getting give given gives giving glad go god goes going gone good goodbye \
goodness got gotcha grab grade gradually great greetings grow guess guy guys \
ha had hadn't half hang happy hard hardly has hasn't have haven't having he head hear heard heck hello help her \
here here's hers herself hey hi high him himself his hit hm hmm hold honestly hopefully hot house how how's \
however huge hundreds \
i i'd i'll i'm i've idea if ii iii imagine important impressive in inaudible incidentally included including \
incredible indeed initially inside instead interesting interestingly into ironically is isn't issue it it'd it'll \
it's its itself iv \
join joining just \
keep keeping kids kind know knowing known \
ladies last lastly late later laughs laughter lead leads least leave less let let's lets level like likely likewise \
line listen listening literally little live long look looking looks lose lost lot lots love lovely low luckily \
made main mainly make makes making man many maybe me mean meaning meanwhile meet meeting mhm might mighty million \
mine mm mmhm mom moment money month more moreover morning most mostly mother move moving mr much multiple mum music \
must my myself \
name named namely nearly need neither never nevertheless new news next nice night no nobody noise none nonetheless \
nope nor normally not note nothing notice noted now nowadays nowhere null number numbers \
obviously occasionally of off often oh ok okay old on once one ones only onto oops open opening operator or order \
originally other others otherwise ouch our ours ourselves out outside over overall own \
page pain pardon part particularly party past pause people per perfect perhaps personal personally plan play please \
plenty plus point possibly potentially precisely pretty previous previously price probably problem project proud \
provided public pull put puts putting \
quarter question questions quick quickly quite quiet quote \
ran rather reach read ready real really reason recall recently regarding regardless relatively remember remind \
remove repeat reply right room rough roughly round run running runs \
sad said same save saw say saying says scary second secondly section see seeing seems seen see send sending sense \
seriously serious set several shall share she she's should shouldn't show shut side similarly simple simply since \
sit slide slowly small smart so some somebody somehow someone something sometimes somewhat somewhere son soon sorry \
sort sounds spare speak speaker speaking specifically stand standing start started starting stay step still stop \
story strange strategy strong such sudden suddenly suppose super sure surely surprisingly sweet \
take taken takes taking talk talking team tell telling ten test than thank thanks that that'd that'll that's the \
their theirs them themselves then there there'd there'll there's thereby therefore these they they'd they'll \
they're they've thing things think thinking thirdly this those though thought thousands through throughout thus \
till time times to today together tomorrow tonight too took top total totally touch toward towards tried true truly \
trust try trying turn turning twice type typically \
uh ugh uh-huh um under understand understood unfortunately unless unlike until up upon us use used user users uses \
using usually \
value various very via video \
wait waiting wake walk want wanted wants was wasn't watch watching way we we'd we'll we're we've weather week weird \
welcome well went were weren't wet what what'd what'll what's whatever when when's whenever where where's whereas \
wherever whether which whichever while who who's whoever whole whose why wild will win wish with within without \
woah won't wonder wonderful wondering word work worked working works world worry worth would wouldn't wow write \
wrong \
ya yay yeah year years yep yes yesterday yet you you'd you'll you're you've young your yours yourself yourselves \
yup zero \
ok api url tv pc ui ux cpu gpu ram faq id ai ml http https html css json sql hr roi kpi ebitda ebit gdp esg fx q&a \
ir m&a r&d capex opex usa pr qa faq pdf xml sdk cli ide os db dns ip tcp udp ssl tls ssh am pm ad bc q1 q2 q3 q4 \
yoy qoq arpu ev ipo lan wifi vpn dvd cd usb dj diy vs asap fyi btw rfc cs phd md \
nuh-uh okey-dokey okie-dokie yessir whoops lotta y'all ain't ma'am sweetie c'mon ditto touché voilà heavens gaap eps b2b \
saas d'you what'd how're what're y'know 'em o.k m.d b.a m.a b.s m.s j.d r.n honey babe dude bro yo shoot shucks sheesh \
uh-uh mm-mm aha uh-hum yes'm pta mba fy okay-okay foreign language kay gosh eh cuz cos whoa huh geez jeez yikes yup nah hmm ouch oops ooh ahh aah mmm haha yay gee golly whew phew aw aww dang damn \
darn shit fuck crap bullshit bingo bravo roger er erm mhmm hi-hi hooray amen boo ciao adios cheerio copy affirmative \
negative internet web god mom dad mum mommy daddy grandma grandpa board company form chairman bible board \
father daughter channel wind nobody's seventy-three truck proudly summer mails mail minutes";

const NOUN: &str = "\
access account action advanced agile air app application applications apps art asset assets audit auto automatic base \
basic benefit black block blockchain blue board body book books border boy brand bridge broad browser budget bug \
builder builders business button call camp capital car card care cash cell central change channel chat city clean \
client clients climate clinical cloud club cluster code collection color common computer computing connect console \
consumer content contract control core corner corporate cost credit cross crypto culture custom dark dashboard \
database deep delivery design desk desktop development device digital direct distribution domain dream drive dynamic \
earth east editor education electric electronic element engine engineering enterprise equity error event events \
exchange express factory farm fashion feature field film finance first fish flow food foot force foundation frame \
framework free front full function future gallery game games garden gate general giant girl glass gold golden \
government grant graph green grid ground growth guard guide hand hard hardware hat hash head health heart high home \
human image income index indoor industrial information infrastructure input insight instant intelligence interface \
internet investor iron issue job key knowledge land language laser law layer leader learning library life light \
lightning like live loan local logic loop machine mail main map market marketing markets master material media \
medical memory merge merkle message method mind mini mobile mode model modern money monitor music national native \
natural net network networks neural night note object ocean office online open opinion opinions optical orange order \
outlook output overflow package page paper party patent payment payments peer performance personal phone pipeline \
plan plant platform play plus pocket policy pool power premium price print prime privacy private process product \
production products program programming project proof property protocol provider public pull pure purple quality \
quantum query quick radio random rate real recipe recipes red reference regional relations release remote report \
request research resource response reverse review risk road robot rock role root router rule rules safety sale sales \
scale schema school science screen script search second secure security segment self senior series server serverless \
service services session shared shell shop signal signature silver simple site sky small smart social soft software \
solar solution solutions sound source south space special speed sport sports spot spring stack staff standard star \
start state static status steel stock storage store story stream street strong studio style success summer sun super \
supply support surface switch system systems table task tax tech technical technology test text theory thread tide \
time token tool tools top total town track trade traffic training transaction transport travel tree trust ultra union \
unit universal unpopular upgrade user valley value vector venture version video view virtual vision visual voice \
wall wallet wallets war watch water wave way web weekly welcome west white wide window wind winter wire wireless \
witness wood word work world yellow zero zone";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_for_what_they_are() {
        assert!(Class::of("january").has(Class::MONTH));
        assert!(Class::of("may").has(Class::MONTH) && Class::of("may").has(Class::STOP));
        assert!(Class::of("florence").has(Class::FIRST) && Class::of("florence").has(Class::PLACE));
        assert_eq!(Class::of("xyzzy"), Class::default());
    }

    #[test]
    fn lists_are_in_lower_case() {
        let words = LISTS.iter().flat_map(|(_, words)| words.split_whitespace());
        let odd: Vec<&str> = words.filter(|word| word.to_lowercase() != **word).collect();
        assert!(odd.is_empty(), "{odd:?}");
    }
}
