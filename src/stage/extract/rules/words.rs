//! What single words are known for: a small lexicon of English, by hand.
//!
//! The lists are short on purpose. They hold what patterns need (months, units, titles), what names are
//! recognised by (ends of company names, common first names, countries), and words that are no names though a
//! sentence may start with them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What a word may be, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Class(u32);

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
    /// A common first name.
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
    /// British, Dutch: no thing of its own.
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
        let Some(first) = word.bytes().next() else {
            return Self::default();
        };
        let words = LEXICON
            .get(usize::from(first))
            .map_or(&[][..], Vec::as_slice);
        let found = words.binary_search_by_key(&word, |(known, _)| known);
        found
            .ok()
            .and_then(|at| words.get(at))
            .map_or(Self::default(), |(_, class)| *class)
    }
}

/// The lists by first byte, each sorted: every word that is said is looked up, and a map of all of them took a
/// sixth of the time.
static LEXICON: LazyLock<Vec<Vec<(&'static str, Class)>>> = LazyLock::new(|| {
    let mut all: BTreeMap<&'static str, Class> = BTreeMap::new();
    for (class, words) in LISTS {
        for word in words.split_whitespace() {
            let known = all.entry(word).or_default();
            *known = known.or(*class);
        }
    }
    let mut out = vec![Vec::new(); 256];
    for (word, class) in all {
        let list = word
            .bytes()
            .next()
            .and_then(|first| out.get_mut(usize::from(first)));
        if let Some(list) = list {
            list.push((word, class));
        }
    }
    out
});

const LISTS: &[(Class, &str)] = &[
    (Class::STOP, STOP),
    (Class::FIRST, FIRST),
    (Class::PLACE, PLACE),
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
         reverend sister brother uncle aunt king queen prince princess pope saint",
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
         international exchange cooperative coop academy consortium hire works estates brothers sons associates \
         consulting logistics shipping railways railway post ledger observer limited brokerage global financial foods \
         retail bancorp sachs airline",
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
         docks marina creek falls heights archive museum library theatre theater stadium cathedral",
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
         gigawatts kw mw gw kwh mwh gwh hours hour minutes minute seconds days day weeks week months month years \
         year bytes kilobytes megabytes gigabytes terabytes kb mb gb tb hectares acres barrels ounce hertz hz mhz \
         ghz volts amps",
    ),
    (
        Class::CURRENCY,
        "dollars dollar euros euro pounds pence cents cent yen yuan renminbi rand rands rupees rupee won francs \
         krona kronor kroner pesos peso reais naira cedis cedi bucks quid sterling rubles roubles zloty shillings \
         dirhams lira",
    ),
    (
        Class::CODE.or(Class::STOP),
        "usd eur gbp cop brl inr jpy cny rmb zar clp mxn pln rub cad aud chf sek nok dkk krw ngn ghs rub php",
    ),
    (
        Class::NATION.or(Class::STOP),
        "american british english french german italian spanish dutch swedish norwegian danish finnish russian \
         chinese japanese korean indian african european asian australian canadian mexican brazilian portuguese \
         greek turkish polish irish scottish welsh swiss austrian belgian arab israeli iranian iraqi egyptian \
         nigerian kenyan ghanaian latin christian muslim jewish catholic buddhist hindu western eastern americans \
         chilean colombian argentine peruvian ukrainian africans europeans germans russians argentinian ghanaian ghanaians \
         colombians",
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
         coordinator supervisor technician accountant operator trustee curator",
    ),
    (
        Class::ORG,
        "google microsoft amazon apple facebook meta twitter netflix openai anthropic nasa nato bbc cnn fbi cia \
         ibm intel nvidia amd oracle cisco samsung sony toyota tesla spacex uber airbnb spotify paypal stripe \
         salesforce adobe mozilla reuters bloomberg goldman toshiba un eu unicef unesco imf opec fifa uefa nsa sec \
         fda epa nhs mit blockstream coinbase lightspark chaincode cloudflare hashicorp vercel gitlab fastly \
         vodafone siemens volkswagen bmw jp morgan barclays citi citibank hsbc ubs deloitte accenture kpmg pwc santander",
    ),
    (
        Class::PRODUCT,
        "linux python rust javascript typescript golang java windows kubernetes docker github android iphone ipad \
         youtube bitcoin ethereum slack zoom gmail chrome firefox safari excel photoshop postgres postgresql mysql \
         redis react vue angular svelte node npm webpack tensorflow pytorch wikipedia chatgpt siri alexa macos ios \
         ubuntu debian git terraform starlink instagram whatsapp tiktok linkedin ruby elixir kotlin swift",
    ),
    (
        Class::EVENT_END,
        "conference summit festival storm workshop war cup championship championships olympics symposium expo \
         marathon hackathon election crisis revolution con congress games day",
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

const FIRST: &str = "\
aaron abby abdul abigail adam adrian ahmed aisha alan albert alejandro alex alexander alexandra alexis alfred ali \
alice alicia alison allen amanda amber amina amir amy ana anders andre andrea andreas andrei andres andrew andy \
angela anita ann anna anne annie anthony anton antonio arjun arthur ashley astrid audrey austin ava barbara ben \
benjamin bernard beth betty bill billy bob brad bradley brandon brenda brendan brett brian bruce bryan caleb cameron \
camille carl carla carlos carmen carol caroline carrie catherine cathy cecilia charles charlie charlotte chen chloe \
chris christian christina christine christopher cindy claire clara claudia clive colin connor courtney craig \
cristina cynthia daisy dan dana daniel danielle danny darren dave david dawn dean deborah debra dennis derek dev \
diana diane diego dirk dmitry dominic don donald donna doris dorothy doug douglas duncan dylan ed eddie edgar edith \
eduardo edward eileen elaine eleanor elena eli elijah elizabeth ella ellen elliott emily emma enrique eric erica erik \
erin ernest esther ethan eugene eva evan evelyn fatima felipe felix fernando fiona florence frances francesca \
francis francisco frank franklin fred frederick gabriel gareth gary gavin geoff george gerald gerard gerhard gina \
giovanni glen glenn gloria gordon grace graham greg gregory guillermo hannah hans harold harriet harry harvey hassan \
heather hector heidi helen henrik henry herbert hilary holly howard hugh hugo ian ibrahim igor ines ingrid irene iris \
isaac isabel isabella ivan jack jackie jackson jacob jacqueline jaime jake james jamie jan jane janet janice jared \
jason javier jay jean jeff jeffrey jennifer jenny jeremiah jeremy jerod jerome jerry jesse jessica jessie jesus jill \
jim jimmy joan joanna joanne joe joel johan johann johannes john johnny jon jonah jonas jonathan jordan jorge jose \
joseph josh joshua joy joyce juan judith judy julia julian julie juliet jun justin karen kari karim karl kate \
katerina katherine kathleen kathryn kathy katie keith kelly kelsey ken kenneth kenny kevin kim kimberly klaus kris \
kristen kumar kurt kyle lars laura lauren laurence lawrence lea leah lee leila lena leo leon leonard leslie lewis \
liam lily linda lindsay lisa liz lola lorenzo louis louise lucas lucia lucy luis luke lydia lynn madison maggie \
malcolm manuel marc marcel marco marcus margaret maria marie marilyn mario marion mark markus marta martha martin \
marvin mary mateo matt matthew maurice max maya megan mehmet melanie melissa mia michael michelle miguel mikael \
mike mikhail mila milan mireille miriam mohamed mohammed molly monica muhammad nancy naomi natalia natalie natasha \
nathan neil nia nicholas nick nicola nicolas nicole nigel nikita nikolai nils nina noah noel nora norman olga oliver \
olivia omar oscar owen pablo pamela patricia patrick paul paula pauline pavel pedro penny per peter petra phil philip \
phillip phyllis pierre priya rachel rahul raj ralph ramiro ramon randy raquel raul ravi ray raymond rebecca reggie \
renee ricardo richard rick rita rob robert roberta roberto robin rodrigo roger roland ron ronald rosa rose ross roy \
ruben rui russell rusty ruth ryan sabrina sally sam samantha samir samuel sandra sanjay santiago sara sarah satoshi \
sean sebastian sergei sergio shannon sharon shaun shawn sheila shirley sidney silvia simon sofia sonia sophia sophie \
stacy stan stanley stefan stella stephan stephanie stephen steve steven stewart stuart sue susan susanna suzanne sven \
sylvia tamara tanya tara ted teresa terry thea theo theodore theresa thomas tiffany tim timothy tina todd tom tomas \
tommy toni tony tracy travis trevor tyler ursula valerie vanessa vera veronica victor victoria vijay vincent viola \
virginia vivian vladimir walter wanda warren wayne wendy wesley wilfred willem william xavier yan yasmin yolanda \
yusuf yves yvonne zach zachary zane zoe";

const PLACE: &str = "\
afghanistan albania algeria angola argentina armenia australia austria azerbaijan bahrain bangladesh belarus belgium \
bolivia bosnia botswana brazil britain bulgaria cambodia cameroon canada chile china colombia croatia cuba cyprus \
czechia denmark ecuador egypt england estonia ethiopia finland france georgia germany ghana greece greenland \
guatemala haiti honduras hungary iceland india indonesia iran iraq ireland israel italy jamaica japan kazakhstan \
kenya korea kosovo kuwait latvia lebanon liberia libya lithuania luxembourg malaysia malta mexico moldova mongolia \
montenegro morocco mozambique myanmar namibia nepal netherlands nicaragua niger nigeria norway oman pakistan \
palestine panama paraguay peru philippines poland portugal qatar romania russia rwanda scotland senegal serbia \
singapore slovakia slovenia somalia spain sudan sweden switzerland syria taiwan tanzania thailand tunisia turkey \
uganda ukraine uruguay uzbekistan venezuela vietnam wales yemen zambia zimbabwe europe africa asia antarctica \
uk u.k us u.s eu-27 usa u.s.a uae \
alabama alaska arizona arkansas california colorado connecticut delaware florida hawaii idaho illinois indiana iowa \
kansas kentucky louisiana maine maryland massachusetts michigan minnesota mississippi missouri montana nebraska \
nevada ohio oklahoma oregon pennsylvania tennessee texas utah vermont wisconsin wyoming ontario quebec bavaria \
tuscany catalonia yorkshire cornwall \
amsterdam ankara athens atlanta auckland austin baghdad baltimore bangkok barcelona beijing belfast belgrade bergen \
berlin bern birmingham bogota boston bratislava brisbane bristol brussels bucharest budapest cairo cambridge \
canberra cardiff casablanca chennai chicago cleveland cologne copenhagen dakar dallas delhi denver detroit doha \
dubai dublin durham edinburgh florence frankfurt geneva glasgow hamburg hanoi harvard havana helsinki houston hull \
istanbul jakarta jerusalem johannesburg kabul karachi kiev kyiv lagos lahore leeds lima lisbon liverpool ljubljana \
london lyon madrid manchester manila marseille melbourne miami milan minneapolis minsk montreal moscow mumbai munich \
nairobi nashville naples nottingham osaka oslo ottawa oxford palermo paris perth philadelphia pittsburgh portland \
porto prague pretoria pyongyang riga rome rotterdam santiago sarajevo seattle seoul shanghai sheffield shenzhen \
sofia stockholm stuttgart sydney taipei tallinn tampa tehran tokyo toronto trondheim tunis turin utrecht vancouver \
venice vienna vilnius warsaw washington wellington zagreb zurich hollywood manhattan brooklyn beirut";

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
