//! What is said, and the values in it: tables for `values` and all that it asks.

use super::tokens::Text;
use super::values::find;

fn values(speech: &str) -> Vec<String> {
    let shown = format!("A: {speech}\n");
    let text = Text::of(&shown);
    find(&text)
        .into_iter()
        .map(|value| {
            let words = shown.get(text.bytes(&value.tokens)).unwrap();
            format!("{}={words}", value.kind.name())
        })
        .collect()
}

fn check(rows: &[(&str, &[&str])]) {
    for (speech, wanted) in rows {
        assert_eq!(values(speech), *wanted, "{speech}");
    }
}

#[test]
fn percentages() {
    check(&[
        (
            "up by six point three percent or eight per cent",
            &["percent=six point three percent", "percent=eight per cent"],
        ),
        ("margins of 20 to 30 percent", &["percent=20 to 30 percent"]),
        ("about 50 basis points", &["percent=about 50 basis points"]),
        (
            "two and a half percent",
            &["percent=two and a half percent"],
        ),
        (
            "half a percent, or two thirds of a percent",
            &["percent=half a percent", "percent=two thirds of a percent"],
        ),
        ("at least 4% to 5% of it", &["percent=at least 4% to 5%"]),
        (
            "grew from 4% to 5%, and rose 120 basis points to 46.3%",
            &[
                "percent=4%",
                "percent=5%",
                "percent=120 basis points",
                "percent=46.3%",
            ],
        ),
        (
            "more than 60 percent and up to 5.5 percentage points",
            &[
                "percent=more than 60 percent",
                "percent=up to 5.5 percentage points",
            ],
        ),
        ("it went up to 7 percent", &["percent=7 percent"]),
        (
            "eighty-five percent, 90bps",
            &["percent=eighty-five percent", "percent=90bps"],
        ),
        ("a third of them", &[]),
    ]);
}

#[test]
fn money() {
    check(&[
        (
            "It cost £40,000, no, US$3.5 million.",
            &["money=£40,000", "money=US$3.5 million"],
        ),
        (
            "48,000 euros and five hundred and six dollars",
            &["money=48,000 euros", "money=five hundred and six dollars"],
        ),
        (
            "a million dollars, €3bn, $5k",
            &["money=a million dollars", "money=€3bn", "money=$5k"],
        ),
        ("cop two trillion", &["money=cop two trillion"]),
        (
            "2 million Canadian dollars",
            &["money=2 million Canadian dollars"],
        ),
        (
            "fifty bucks, half a million dollars",
            &["money=fifty bucks", "money=half a million dollars"],
        ),
        (
            "a dollar twenty. Seven dollars and fifty cents.",
            &[
                "money=a dollar twenty",
                "money=Seven dollars and fifty cents",
            ],
        ),
        (
            "between $1.7 billion and $1.75 billion",
            &["money=$1.7 billion and $1.75 billion"],
        ),
        ("$5 and $7", &["money=$5", "money=$7"]),
        (
            "$4 to 5 million, $15 million to $18 million",
            &["money=$4 to 5 million", "money=$15 million to $18 million"],
        ),
        (
            "approximately $230 million, another 200,000 euros",
            &[
                "money=approximately $230 million",
                "money=another 200,000 euros",
            ],
        ),
        (
            "INR 500 crores, ten grand",
            &["money=INR 500 crores", "money=ten grand"],
        ),
        (
            "a couple hundred dollars, a few dollars",
            &["money=a couple hundred dollars", "money=a few dollars"],
        ),
        (
            "the twenty million dollar question",
            &["money=twenty million dollar"],
        ),
        (
            "hundreds of thousands of dollars",
            &["money=hundreds of thousands of dollars"],
        ),
        ("the dollar fell, two million people", &[]),
    ]);
}

#[test]
fn quantities_and_times_of_day() {
    check(&[
        (
            "12 tonnes over 30km",
            &["quantity=12 tonnes", "quantity=30km"],
        ),
        (
            "three and a half metres, a mile",
            &["quantity=three and a half metres", "quantity=a mile"],
        ),
        (
            "60 miles per hour, 20 square feet",
            &["quantity=60 miles per hour", "quantity=20 square feet"],
        ),
        (
            "a hundred and four degrees",
            &["quantity=a hundred and four degrees"],
        ),
        (
            "at half past seven, at 10 am, at 7:30 pm or 8:15",
            &[
                "time=half past seven",
                "time=10 am",
                "time=7:30 pm",
                "time=8:15",
            ],
        ),
        ("nine o'clock, noon", &["time=nine o'clock", "time=noon"]),
        ("it lands at six thirty", &["time=six thirty"]),
        ("at nine in the morning", &["time=nine in the morning"]),
        ("six thirty people", &[]),
        (
            "this morning, Friday night, tonight, last night",
            &[
                "time=this morning",
                "time=Friday night",
                "time=tonight",
                "time=last night",
            ],
        ),
        ("good morning, one night we", &["time=one night"]),
        (
            "two hours and thirty-six minutes, half an hour, a few minutes ago",
            &[
                "time=two hours and thirty-six minutes",
                "time=half an hour",
                "time=a few minutes ago",
            ],
        ),
        ("wait a minute, wait a second", &[]),
        ("ten to twelve people", &[]),
    ]);
}

#[test]
fn calendar_dates() {
    check(&[
        (
            "on Wednesday, 14 January 2026, it",
            &["date=Wednesday, 14 January 2026"],
        ),
        ("on Tuesday, March third", &["date=Tuesday, March third"]),
        (
            "the 19th of May and 3 March",
            &["date=the 19th of May", "date=3 March"],
        ),
        (
            "ended thirty first December twenty nineteen",
            &["date=thirty first December twenty nineteen"],
        ),
        (
            "in twenty nineteen and two thousand twenty one and 1953",
            &[
                "date=twenty nineteen",
                "date=two thousand twenty one",
                "date=1953",
            ],
        ),
        (
            "in nineteen oh five, back in '42",
            &["date=nineteen oh five", "date='42"],
        ),
        (
            "in ninety-eight, March of ninety-two",
            &["date=ninety-eight", "date=March of ninety-two"],
        ),
        ("ninety-eight people in ninety-eight boats", &[]),
        ("You may march. It may be May.", &["date=May"]),
        (
            "in May 2020, by 2026-01-14",
            &["date=May 2020", "date=2026-01-14"],
        ),
        ("300 people in 2000 steps", &[]),
        (
            "the nineties, the early 1980s",
            &["date=the nineties", "date=the early 1980s"],
        ),
        (
            "the first week of May, mid-June",
            &["date=the first week of May", "date=mid-June"],
        ),
        (
            "early next year, late January",
            &["date=early next year", "date=late January"],
        ),
        (
            "the end of March, the rest of the year",
            &["date=the end of March", "date=the rest of the year"],
        ),
        (
            "the fall of sixty-three, the summer of 1968",
            &["date=the fall of sixty-three", "date=the summer of 1968"],
        ),
        (
            "last Christmas, New Year's Eve",
            &["date=last Christmas", "date=New Year's Eve"],
        ),
        ("on the 21st we sail", &["date=the 21st"]),
        (
            "so in march we met and may go in may",
            &["date=march", "date=may"],
        ),
    ]);
}

#[test]
fn quarters_and_years_of_firms() {
    check(&[
        (
            "third quarter twenty twenty one",
            &["date=third quarter twenty twenty one"],
        ),
        (
            "the third quarter of 2024",
            &["date=the third quarter of 2024"],
        ),
        (
            "Q3 2021, Q4 of last year, Q1",
            &["date=Q3 2021", "date=Q4 of last year", "date=Q1"],
        ),
        (
            "the second half of the year",
            &["date=the second half of the year"],
        ),
        ("the first half of the money", &[]),
        (
            "fiscal 2025, the full year, FY24",
            &["date=fiscal 2025", "date=the full year", "date=FY24"],
        ),
        (
            "the quarter, this quarter",
            &["date=the quarter", "date=this quarter"],
        ),
        (
            "the first nine months of the year",
            &["date=the first nine months of the year"],
        ),
        ("by year-end", &["date=year-end"]),
    ]);
}

#[test]
fn spans_of_time_and_ages() {
    check(&[
        (
            "last Tuesday, next week, tomorrow",
            &["date=last Tuesday", "date=next week", "date=tomorrow"],
        ),
        (
            "a couple of years ago, years ago",
            &["date=a couple of years ago", "date=years ago"],
        ),
        (
            "two or three weeks, a year and a half",
            &["date=two or three weeks", "date=a year and a half"],
        ),
        (
            "the past few months, in the last five years",
            &["date=the past few months", "date=the last five years"],
        ),
        (
            "six months later, about two years",
            &["date=six months later", "date=about two years"],
        ),
        (
            "every other week, each year, all day",
            &["date=every other week", "date=each year", "date=all day"],
        ),
        (
            "a three-year plan, a 20-year-old",
            &["date=three-year", "date=20-year-old"],
        ),
        (
            "when I was fourteen years old",
            &["date=fourteen years old"],
        ),
        (
            "I'm ninety-one, so ask. She turned seventy.",
            &["date=ninety-one", "date=seventy"],
        ),
        (
            "I was one of them. He is 3 miles away.",
            &["quantity=3 miles"],
        ),
        (
            "the other day, these days",
            &["date=the other day", "date=these days"],
        ),
        ("it takes over two years", &["date=two years"]),
        (
            "for decades, $5 a day",
            &["date=decades", "money=$5", "date=a day"],
        ),
        ("one day we will, what a day", &[]),
    ]);
}

#[test]
fn nothing_runs_over_the_end() {
    for speech in [
        "$",
        "US$",
        "half past",
        "20 to",
        "six point",
        "March",
        "third",
        "last",
        "a",
        "the 3rd of",
        "two thousand and",
        "the end of",
        "mid-",
        "more than",
        "up to",
        "a couple of",
        "in '",
        "between $4 and",
        "the second half of",
        "fiscal",
        "every other",
        "two and a",
        "a dollar",
    ] {
        let _values = values(speech);
    }
}
