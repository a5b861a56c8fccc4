//! Amounts in speech: money, percentages, quantities.

use super::numbers::{amount, fraction, number};
use super::tokens::Shape;
use super::values::Scan;
use super::words::Class;
use crate::model::extraction::Kind;

/// The end and kind of the amount that starts at token `n`, ranges included: `20 to 30 percent`, `$4 to $5`.
pub(super) fn found(scan: Scan<'_, '_>, n: usize) -> Option<(usize, Kind)> {
    if let Some(end) = priced(scan, n) {
        return Some((
            to(scan, n, end, |n| priced(scan, n).or_else(|| bare(scan, n))),
            Kind::Money,
        ));
    }
    if let Some(kind) = glued_unit(scan, n) {
        return Some((n + 1, kind));
    }
    if let Some(end) = coins(scan, n) {
        return Some((end, Kind::Money));
    }
    let counted = |end: Option<usize>| end.and_then(|end| counts(scan, end));
    let first = counted(amount(scan, n)).or_else(|| counted(fraction(scan, n)));
    if let Some((end, kind)) = first {
        // `4% to 5%`.
        let again = |n: usize| {
            let (end, other) = counts(scan, amount(scan, n)?)?;
            (other == kind).then_some(end)
        };
        return Some((to(scan, n, end, again), kind));
    }
    if let Some(found) = lone(scan, n) {
        return Some(found);
    }
    let end = amount(scan, n)?;
    if scan.word(n).contains('-') {
        return counts(scan, end);
    }
    let joins = matches!(scan.word(end), "to" | "or" | "and" | "-" | "–");
    let end = amount(scan, end + 1).filter(|_| joins)?;
    counts(scan, end)
}

/// The end of a range whose first part ends at `end`, if there is a second; else `end`.
fn to(
    scan: Scan<'_, '_>,
    start: usize,
    end: usize,
    second: impl Fn(usize) -> Option<usize>,
) -> usize {
    let joins = matches!(scan.word(end), "to" | "and" | "-" | "–" | "through");
    // `$5 and $7` are two, unless it was `between`; `from 4% to 5%` and `grew 5% to 40%` are two.
    let two = scan.word(end) == "and" && !scan.between(end)
        || scan.word(end) == "to" && (scan.before(start) == Some("from") || scan.changes(start));
    second(end + 1).filter(|_| joins && !two).unwrap_or(end)
}

/// Digits behind a priced range: `$4 to 5 million`.
fn bare(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let end = amount(scan, n)?;
    (scan.shape(n) == Shape::Number && scan.is(end - 1, Class::SCALE)).then_some(end)
}

/// Money with its currency before the number: `£40,000`, `US$3.5 million`, `COP 12 trillion`.
fn priced(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let symbol = |n| matches!(scan.word(n), "$" | "€" | "£" | "¥" | "₹" | "₽" | "₩" | "₦");
    let country = matches!(
        scan.word(n),
        "us" | "u.s" | "a" | "c" | "ca" | "hk" | "nz" | "r" | "s" | "au" | "mx" | "nt"
    );
    let start = if symbol(n) {
        n + 1
    } else if symbol(n + 1) && scan.glued(n + 1) && country
        || scan.word(n) == "rs" && scan.word(n + 1) == "."
    {
        n + 2
    } else if scan.is(n, Class::CODE) || scan.word(n) == "rs" {
        n + 1
    } else {
        return None;
    };
    let end = amount(scan, start)?;
    let lakhs = matches!(scan.word(end), "crore" | "crores" | "lakh" | "lakhs");
    Some(if lakhs || scan.is(end, Class::CURRENCY) {
        end + 1
    } else {
        end
    })
}

/// `a dollar twenty`, `seven dollars and fifty cents`.
fn coins(scan: Scan<'_, '_>, n: usize) -> Option<usize> {
    let unit = |n: usize| {
        matches!(
            scan.word(n),
            "dollar" | "dollars" | "pound" | "pounds" | "euros"
        )
    };
    let first = match scan.word(n) {
        "a" => n + 1,
        _ => number(scan, n)?,
    };
    if !unit(first) {
        return None;
    }
    let and = usize::from(scan.word(first + 1) == "and");
    let end = number(scan, first + 1 + and)?;
    let small = matches!(scan.word(end), "cents" | "cent" | "pence");
    let spoken = and == 0 && end <= first + 3 && scan.is(first + 1, Class::NUMBER);
    match (small, spoken && !scan.is(end, Class::CURRENCY)) {
        (true, _) => Some(end + 1),
        // Not `ten dollars five percent`, nor `two dollars three times`.
        (_, true) if scan.ends(end) => Some(end),
        _ => None,
    }
}

/// `a percent`, `a mile`, `a few dollars`, `a couple of miles`.
fn lone(scan: Scan<'_, '_>, n: usize) -> Option<(usize, Kind)> {
    let many = |n: usize| {
        let scale = matches!(
            scan.word(n),
            "tens" | "hundreds" | "thousands" | "millions" | "billions" | "trillions"
        );
        (scale && scan.word(n + 1) == "of").then_some(n + 2)
    };
    // `hundreds of thousands of dollars`.
    if let Some(start) = many(n) {
        return counts(scan, many(start).unwrap_or(start));
    }
    let start = match (scan.word(n), scan.word(n + 1), scan.word(n + 2)) {
        ("a", "couple" | "few", "of") => n + 3,
        ("a", "couple" | "few", _) => n + 2,
        ("a" | "several" | "few", ..) => n + 1,
        _ => return None,
    };
    let (end, kind) = counts(scan, start)?;
    let article = start == n + 1 && scan.word(n) == "a";
    let said = match (kind, article) {
        (Kind::Percent, true) => scan.word(start) == "percent",
        (Kind::Quantity, true) => {
            matches!(
                scan.word(start),
                "mile" | "kilometer" | "kilometre" | "gallon" | "ton"
            )
        }
        (_, true) => false,
        _ => true,
    };
    said.then_some((end, kind))
}

/// What may stand behind a number.
fn counts(scan: Scan<'_, '_>, n: usize) -> Option<(usize, Kind)> {
    let at = n + usize::from(scan.word(n) == "-" && scan.glued(n));
    match (scan.word(at), scan.word(at + 1)) {
        ("%" | "percent" | "pct" | "bps" | "bp", next) => {
            let points = matches!(next, "point" | "points");
            return Some((at + 1 + usize::from(points), Kind::Percent));
        }
        ("per", "cent") | ("percentage" | "basis", "point" | "points") => {
            return Some((at + 2, Kind::Percent));
        }
        ("square" | "cubic" | "nautical" | "metric", _) if scan.is(at + 1, Class::UNIT) => {
            return Some((at + 2, Kind::Quantity));
        }
        ("grand", _) if scan.ends(at + 1) => return Some((at + 1, Kind::Money)),
        ("crore" | "crores" | "lakh" | "lakhs", _) => {
            let rupees = usize::from(scan.is(at + 1, Class::CURRENCY));
            return Some((at + 1 + rupees, Kind::Money));
        }
        _ => {}
    }
    let nation = scan.is(n, Class::NATION) || matches!(scan.word(n), "us" | "u.s");
    let skipped = at + usize::from(nation && scan.is(n + 1, Class::CURRENCY));
    if scan.is(skipped, Class::CURRENCY) || scan.is(skipped, Class::CODE) {
        let sterling = scan.word(skipped + 1) == "sterling";
        return Some((skipped + 1 + usize::from(sterling), Kind::Money));
    }
    if !scan.is(at, Class::UNIT) {
        return None;
    }
    let scale = matches!(
        scan.word(at + 1),
        "celsius" | "fahrenheit" | "below" | "north" | "south" | "east" | "west"
    ) && scan.word(at).starts_with("degree");
    let end = at + 1 + usize::from(scale);
    let speed =
        scan.word(end) == "per" && matches!(scan.word(end + 1), "hour" | "second" | "gallon");
    Some((if speed { end + 2 } else { end }, Kind::Quantity))
}

/// `30km`, `5kg`, `12%` is two tokens.
fn glued_unit(scan: Scan<'_, '_>, n: usize) -> Option<Kind> {
    if scan.shape(n) != Shape::Number {
        return None;
    }
    let unit = scan
        .word(n)
        .trim_start_matches(|c: char| !c.is_alphabetic());
    if unit == "bps" {
        return Some(Kind::Percent);
    }
    (unit.len() > 1 && Class::of(unit).has(Class::UNIT)).then_some(Kind::Quantity)
}
