//! From what single chunks say to entities and relations: which names are one, and how facts add up.

pub mod merge;
pub mod name;
