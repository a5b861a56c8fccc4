//! Archives, honest and hostile.

use std::error::Error;
use std::os::unix::fs::symlink;

use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;

/// An archive in a folder of its own.
struct Case {
    folder: TempDir,
}

impl Case {
    fn of(bytes: &[u8]) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("a.zip"), bytes).unwrap();
        Self { folder }
    }

    fn collection(&self) -> PathBuf {
        self.folder.path().join("collection")
    }

    fn unpack(&self, bounds: &Bounds) -> Result<Unpacked, UnpackError> {
        let zip = self.folder.path().join("a.zip");
        unpack(&zip, &self.collection(), &mut Names::default(), bounds)
    }

    /// What lies in the folder, the archive aside.
    fn left(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let below = path.strip_prefix(self.folder.path()).unwrap();
                found.push(below.to_str().unwrap().to_owned());
                if path.is_dir() {
                    folders.push(path);
                }
            }
        }
        found.retain(|name| name != "a.zip");
        found.sort();
        found
    }
}

fn packed(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = SimpleFileOptions::default();
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// An archive written byte by byte: stored files, each with `flags` and a mode of Unix, and a directory that may name
/// one of them many times.
fn raw(files: &[(&[u8], u16, u32, &[u8])], times: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    let mut count = 0_u16;
    for (name, flags, mode, bytes) in files {
        let at = u32::try_from(out.len()).unwrap();
        let length = u32::try_from(bytes.len()).unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let common = |out: &mut Vec<u8>, name: &[u8]| {
            out.extend([20, 0]);
            out.extend(flags.to_le_bytes());
            out.extend([0; 6]);
            out.extend(crc.sum().to_le_bytes());
            out.extend(length.to_le_bytes());
            out.extend(length.to_le_bytes());
            out.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            out.extend([0, 0]);
        };
        out.extend(b"PK\x03\x04");
        common(&mut out, name);
        out.extend(*name);
        out.extend(*bytes);
        for time in 0..times {
            let mut name = name.to_vec();
            if time > 0 {
                name.extend(time.to_string().bytes());
            }
            directory.extend(b"PK\x01\x02\x14\x03");
            common(&mut directory, &name);
            directory.extend([0; 6]);
            directory.extend((mode << 16).to_le_bytes());
            directory.extend(at.to_le_bytes());
            directory.extend(name);
            count = count.wrapping_add(1);
        }
    }
    let at = u32::try_from(out.len()).unwrap();
    let length = u32::try_from(directory.len()).unwrap();
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(at.to_le_bytes());
    out.extend([0, 0]);
    out
}

const MODE: u32 = 0o100_644;

#[test]
fn an_archive_is_unpacked() {
    let bytes = packed(&[
        ("talks/", b""),
        ("talks/a.vtt", b"a"),
        ("talks\\b.vtt", b"bb"),
        ("e\u{301}.txt", b""),
        ("aux.srt", b"x"),
        ("doc.docx", b"PK\x03\x04..."),
        (".DS_Store", b"x"),
        ("__MACOSX/._a", b"x"),
        ("inner.zip", b"x"),
        ("inner.vtt", b"PK\x03\x04..."),
        ("TALKS/A.VTT", b"x"),
        ("a.part", b"x"),
    ]);
    let case = Case::of(&bytes);
    let unpacked = case.unpack(&Bounds::default()).unwrap();
    let files: Vec<_> = unpacked
        .files
        .iter()
        .map(|(path, bytes)| (path.to_str().unwrap(), *bytes))
        .collect();
    let expected = [
        ("talks/a.vtt", 1),
        ("talks/b.vtt", 2),
        ("é.txt", 0),
        ("_aux.srt", 1),
        ("doc.docx", 7),
    ];
    assert_eq!(files, expected);
    let mut skipped: Vec<_> = unpacked
        .skipped
        .iter()
        .map(|(name, why)| format!("{name} {why}"))
        .collect();
    skipped.sort();
    for (found, part) in skipped.iter().zip([
        ".DS_Store it is hidden",
        "TALKS/A.VTT its name is that of \"talks/a.vtt\"",
        "__MACOSX/._a it belongs to the system",
        "a.part its name is that of an unfinished",
        "inner.vtt it is an archive within",
        "inner.zip it is an archive within",
    ]) {
        assert!(found.starts_with(part), "{found}");
    }
    assert_eq!(skipped.len(), 6);
    assert_eq!(
        fs::read(case.collection().join("talks/b.vtt")).unwrap(),
        b"bb"
    );
    assert_eq!(case.left().len(), 7, "{:?}", case.left());
    // Once more, into the same folder: what is there stays.
    assert!(matches!(
        case.unpack(&Bounds::default()),
        Err(UnpackError::Exists(_))
    ));
    assert_eq!(case.left().len(), 7, "{:?}", case.left());
}

#[test]
fn several_archives_share_their_names() {
    let case = Case::of(&packed(&[("a.vtt", b"1"), ("b.vtt", b"1")]));
    let mut names = Names::default();
    let zip = case.folder.path().join("a.zip");
    unpack(&zip, &case.collection(), &mut names, &Bounds::default()).unwrap();
    fs::write(&zip, packed(&[("A.vtt", b"2"), ("c.vtt", b"2")])).unwrap();
    let second = unpack(&zip, &case.collection(), &mut names, &Bounds::default()).unwrap();
    assert_eq!(second.files, [("c.vtt".into(), 1)]);
    assert_eq!(
        second.skipped,
        [(
            "A.vtt".to_owned(),
            BadName::Taken("a.vtt".to_owned()).into()
        )]
    );
    assert_eq!(fs::read(case.collection().join("a.vtt")).unwrap(), b"1");
}

/// Whatever an archive is refused for, it leaves nothing.
#[test]
fn hostile_archives_leave_nothing() {
    let zeros = vec![0; 200_000];
    let tight = Bounds {
        total: 100_000,
        entries: 50,
        ratio: 20,
        small: 1_000,
    };
    let wide = Bounds {
        total: 10 << 20,
        ..tight
    };
    let many: Vec<(String, &[u8])> = (0..51).map(|n| (format!("{n}.vtt"), &b""[..])).collect();
    let many: Vec<(&str, &[u8])> = many.iter().map(|(name, bytes)| (&**name, *bytes)).collect();
    let long = vec![b'x'; 3_000];
    let mut chance = fastrand::Rng::with_seed(2);
    let noise: Vec<u8> = (0..100_000).map(|_| chance.u8(..)).collect();
    for (what, bytes, bounds, part) in [
        (
            "up",
            raw(
                &[(b"ok.vtt", 0, MODE, b"x"), (b"../../x", 0, MODE, b"x")],
                1,
            ),
            tight,
            "\"..\"",
        ),
        (
            "root",
            raw(&[(b"/etc/cron.d/x", 0, MODE, b"x")], 1),
            tight,
            "full path",
        ),
        (
            "drive",
            raw(&[(b"C:\\x", 0, MODE, b"x")], 1),
            tight,
            "full path",
        ),
        (
            "nul",
            raw(&[(b"a\0.vtt", 0, MODE, b"x")], 1),
            tight,
            "control",
        ),
        (
            "password",
            raw(&[(b"a.vtt", 1, MODE, b"x")], 1),
            tight,
            "encrypted",
        ),
        ("entries", packed(&many), tight, "more than 50 entries"),
        (
            "total",
            packed(&[("a", &zeros)]),
            tight,
            "more than 100000 bytes",
        ),
        ("ratio", packed(&[("a", &zeros)]), wide, "20 times"),
        // All together in proportion, one not.
        (
            "within",
            packed(&[("noise", &noise), ("a", &zeros)]),
            wide,
            "20 times",
        ),
        // One file under many names: each in proportion, all together not.
        (
            "overlap",
            raw(&[(b"a", 0, MODE, &long)], 50),
            wide,
            "20 times",
        ),
        ("none", b"hello".to_vec(), tight, "no zip archive"),
        ("empty", Vec::new(), tight, "no zip archive"),
        ("head", b"PK\x03\x04".to_vec(), tight, "no zip archive"),
    ] {
        let case = Case::of(&bytes);
        let error = case.unpack(&bounds).expect_err(what);
        assert!(
            error.to_string().contains(part),
            "{what}: {error} {:?}",
            error.source()
        );
        assert!(!error.is_storage(), "{what}");
        assert_eq!(case.left(), Vec::<String>::new(), "{what}");
    }
}

/// A directory without end is not read to its end, however few files it says to have.
#[test]
fn a_long_directory_is_refused_early() {
    let bounds = Bounds {
        entries: 10,
        ..Bounds::default()
    };
    let name = vec![b'n'; 30_000];
    let case = Case::of(&raw(&[(&name, 0, MODE, b"x")], 10));
    let error = case.unpack(&bounds).unwrap_err();
    assert!(matches!(error, UnpackError::Directory), "{error:?}");
    assert!(error.is_too_much());
}

/// What an archive says of lengths is not believed.
#[test]
fn a_liar_is_refused() {
    let mut bytes = packed(&[("a", &vec![0; 200_000])]);
    let (truth, lie) = (200_000_u32.to_le_bytes(), 10_u32.to_le_bytes());
    let stated: Vec<usize> = (0..bytes.len() - 4)
        .filter(|at| bytes[*at..*at + 4] == truth)
        .collect();
    assert_eq!(stated.len(), 2);
    for at in stated {
        bytes[at..at + 4].copy_from_slice(&lie);
    }
    let bounds = Bounds {
        total: 100_000,
        ratio: 1_000_000,
        ..Bounds::default()
    };
    let case = Case::of(&bytes);
    let error = case.unpack(&bounds).unwrap_err();
    assert!(!error.is_storage(), "{error:?}");
    assert_eq!(case.left(), Vec::<String>::new());
}

#[test]
fn links_are_left_out() {
    let link = 0o120_777;
    let device = 0o060_644;
    let bytes = raw(
        &[
            (b"link", 0, link, b"/etc/passwd"),
            (b"disk", 0, device, b""),
            (b"a.vtt", 0, MODE, b"x"),
        ],
        1,
    );
    let case = Case::of(&bytes);
    let unpacked = case.unpack(&Bounds::default()).unwrap();
    assert_eq!(unpacked.files, [("a.vtt".into(), 1)]);
    let skipped = [
        ("link".to_owned(), LeftOut::Special),
        ("disk".to_owned(), LeftOut::Special),
    ];
    assert_eq!(unpacked.skipped, skipped);
}

/// Somebody put a link where a folder of the archive goes.
#[test]
fn a_link_in_the_folder_is_not_followed() {
    let case = Case::of(&packed(&[("a.vtt", b"x"), ("sub/b.vtt", b"x")]));
    let outside = TempDir::new().unwrap();
    fs::create_dir(case.collection()).unwrap();
    symlink(outside.path(), case.collection().join("sub")).unwrap();
    let error = case.unpack(&Bounds::default()).unwrap_err();
    assert!(error.is_storage(), "{error}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(case.left(), ["collection", "collection/sub"]);
}

/// Cut and flipped archives: refused or unpacked, nothing else, and nothing outside.
#[test]
fn damaged_archives_do_no_harm() {
    let good = packed(&[
        ("a/b.vtt", b"some words, some words, some words"),
        ("c.vtt", b"more"),
    ]);
    let mut chance = fastrand::Rng::with_seed(5);
    let mut refused = 0;
    for round in 0..600 {
        let mut bytes = good.clone();
        if round % 3 == 0 {
            bytes.truncate(chance.usize(..bytes.len()));
        } else {
            for _ in 0..=round % 4 {
                let at = chance.usize(..bytes.len());
                bytes[at] = chance.u8(..);
            }
        }
        let case = Case::of(&bytes);
        match case.unpack(&Bounds::default()) {
            Ok(_) => assert!(
                case.left()
                    .iter()
                    .all(|name| name.starts_with("collection"))
            ),
            Err(error) => {
                refused += 1;
                assert!(!error.is_storage(), "{error} {:?}", error.source());
                assert_eq!(case.left(), Vec::<String>::new(), "{error}");
            }
        }
    }
    assert!((200..600).contains(&refused), "{refused}");
}
