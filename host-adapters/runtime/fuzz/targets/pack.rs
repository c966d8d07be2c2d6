//! A pack of somebody's: taken whole or refused, by the plugin and by the host.
#![no_main]

use callprint::catalogue::Catalogue;
use callprint_plugin::{CallInfo, Catalog, Session, Side, catalog::Workspace};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut catalog = Catalog::default();
    let known = Catalogue::of_packs(&[bytes]);
    let added = catalog.add_pack(bytes);
    let again = catalog.add_pack(bytes);
    assert!(again.is_err(), "taken twice");
    if let Err(error) = added {
        return assert!(!error.to_string().is_empty());
    }
    let sealed = catalog.seal();
    assert_eq!(sealed.summary().packs.len(), 1);
    for (name, entry) in known.iter() {
        assert_eq!(known.get(name), Some(entry), "{name:?} is listed and not found");
    }
    // And calls go on with it.
    let (mut session, mut work) = (Session::new(CallInfo::default()), Workspace::default());
    let (mut findings, mut noise) = (Vec::new(), 1u32);
    let mut second = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 16) as i16 / 4
    };
    let samples: Vec<i16> = (0..8_000).map(|_| second()).collect();
    session.push(&sealed, &mut work, Side::Far, 8_000, &samples, &mut findings);
    session.finish(&mut findings);
});
