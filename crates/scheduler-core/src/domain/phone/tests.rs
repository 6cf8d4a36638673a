//! The rules of `docs/rules/data.md#phones`.

use super::*;

#[test]
fn every_way_to_write_a_number_gives_its_canonical_digits() {
    let check = |text: &str, expected: &str| {
        assert_eq!(Phone::parse(text).as_ref().map(Phone::as_str), Ok(expected), "{text:?}");
    };
    for text in [
        "5548999998888",
        "+55 (48) 99999-8888",
        "(+55) 48 99999-8888",
        "(48) 99999-8888",
        "48 99999.8888",
        "48999998888",
        "048999998888",
        "0xx48 99999-8888",
        "0XX (48) 99999-8888",
        "(0xx48) 99999-8888",
        "(0XX48) 99999-8888",
        "(0Xx48)99999-8888",
        "( 0xx 48 ) 99999-8888",
        "0 xx 48 99999-8888",
        "0-xx-48-99999-8888",
        "(0xx) 48 99999-8888",
        "+55 (0xx48) 99999-8888",
        "+55 0xx48 9999-8888",
        "0055 0xx48 99999-8888",
        "55 0xx 48 99999-8888",
        "0 41 48 99999-8888",
        "+55 048 99999-8888",
        "+55 (0) 48 99999-8888",
        "+55 0 15 48 99999-8888",
        "0055 48 99999-8888",
        "55\u{a0}48\u{a0}99999\u{2011}8888",
        "  48\t99999/8888 ",
        // Older WhatsApp accounts lack the ninth digit. It is added.
        "554899998888",
        "+55 48 9999-8888",
        "48 9999-8888",
        "(048) 9999-8888",
        "0 21 48 9999-8888",
    ] {
        check(text, "5548999998888");
    }
    for first in 6..=9 {
        check(&format!("5531{first}1234567"), &format!("55319{first}1234567"));
    }
    for first in 2..=5 {
        check(&format!("5531{first}1234567"), &format!("5531{first}1234567"));
        check(&format!("31{first}1234567"), &format!("5531{first}1234567"));
    }
    check("(11) 3333-0000", "551133330000");
    check("(0xx11) 99999-0000", "5511999990000");
    check("(0xx11) 3333-0000", "551133330000");
    check("(0xx55) 99999-0000", "5555999990000");
    check("0 15 11 3333-0000", "551133330000");
}

#[test]
fn area_code_55_is_kept_next_to_country_code_55() {
    let check = |text: &str, expected: &str| {
        assert_eq!(Phone::parse(text).as_ref().map(Phone::as_str), Ok(expected), "{text:?}");
    };
    check("5555999990000", "5555999990000");
    check("555599990000", "5555999990000");
    check("55999990000", "5555999990000");
    check("5599990000", "5555999990000");
    check("(55) 99999-0000", "5555999990000");
    check("055 99999-0000", "5555999990000");
    check("+55 55 3222-0000", "555532220000");
    check("5532220000", "555532220000");
    check("555532220000", "555532220000");
}

#[test]
fn numbers_of_other_countries_are_kept_unchanged() {
    let check = |text: &str, expected: &str| {
        assert_eq!(Phone::parse(text).as_ref().map(Phone::as_str), Ok(expected), "{text:?}");
    };
    check("+1 (212) 555-0100", "12125550100");
    check("001 212 555 0100", "12125550100");
    check("+351 912 345 678", "351912345678");
    check("351912345678", "351912345678");
    check("+51 987 654 321", "51987654321");
    check("+29012345", "29012345");
    check("123456789012345", "123456789012345");
}

#[test]
fn a_text_that_is_not_a_phone_number_is_refused() {
    for text in [
        "",
        "   ",
        "abc",
        "+",
        "99999-8888",
        "9999-8888",
        "1234567",
        "+1234567",
        "+1234567890123456",
        "1234567890123456",
        "20 99999-8888",
        "5520999998888",
        "+55 00 99999-8888",
        "48 89999-8888",
        "48 1999-8888",
        "48 0999-8888",
        "+55 48 999-8888",
        "55489999988",
        "55489999988889",
        "0800 701 1234",
        "+0 48 99999 8888",
        "1199999000x",
        "xx11 99999-0000",
        "0x11 99999-0000",
        "0xxx11 99999-0000",
        "0xx xx11 99999-0000",
        "1xx11 99999-0000",
        "a0xx11 99999-0000",
        "(0xx20) 99999-0000",
        "(0xx11) 9999",
        "+1 0xx11 99999-0000",
        "0xx",
        "5511999990000@lid",
        "120363019502650977-group",
        "5511999990000-1623281429",
        "١١٩٩٩٩٩٠٠٠٠",
    ] {
        assert_eq!(Phone::parse(text), Err(InvalidPhone), "{text:?}");
    }
}

#[test]
fn there_are_67_area_codes() {
    let known: Vec<u8> = (0..100).filter(|area| is_area_code(&format!("{area:02}"))).collect();
    assert_eq!(known.len(), 67);
    let absent = [20, 23, 25, 26, 29, 30, 36, 39, 50, 52, 56, 57, 58, 59, 70, 72, 76, 78];
    assert!(absent.iter().all(|area| !known.contains(area)));
    for area in 10..100 {
        let mobile = Phone::parse(&format!("55{area:02}991234567"));
        assert_eq!(mobile.is_ok(), known.contains(&area), "{area}");
    }
}

#[test]
fn a_number_is_displayed_as_people_write_it() {
    let check = |text: &str, expected: &str| {
        assert_eq!(Phone::parse(text).map(|phone| phone.display()).as_deref(), Ok(expected));
    };
    check("5511999990000", "(11) 99999-0000");
    check("551199990000", "(11) 99999-0000");
    check("551133330000", "(11) 3333-0000");
    check("+1 212 555 0100", "+12125550100");
}

#[test]
fn an_address_gives_the_match_key_and_the_phone() {
    let check = |address: &str, key: Option<&str>, phone: Option<&str>| {
        let address = Address(address.to_owned());
        assert_eq!(address.match_key().map(|key| key.0).as_deref(), key, "{address:?}");
        assert_eq!(address.phone().as_ref().map(Phone::as_str), phone, "{address:?}");
    };
    let both = |address, canonical| check(address, Some(canonical), Some(canonical));
    both("5548999998888", "5548999998888");
    both("554899998888", "5548999998888");
    both("554833338888", "554833338888");
    both("555599990000", "5555999990000");
    both("5548999998888@c.us", "5548999998888");
    both("554899998888@s.whatsapp.net", "5548999998888");
    both("+5548999998888", "5548999998888");
    // WhatsApp always writes the country code: these are Peru and Spain, not the area codes 51 and 34.
    both("51987654321", "51987654321");
    both("34912345678", "34912345678");
    both("12125550100", "12125550100");
    check("139586532475042@lid", Some("139586532475042@lid"), None);
    for invalid in [
        "",
        "@lid",
        "x@lid",
        "120363019502650977-group",
        "120363019502650977@g.us",
        "5511999990000-1623281429",
        "120363166555745933@newsletter",
        "status@broadcast",
        "5511999990000@broadcast",
        "5520999990000",
        "0",
        "abc",
    ] {
        check(invalid, None, None);
    }
}

#[test]
fn only_the_last_four_digits_are_logged() {
    let check = |address: &str, expected: &str| {
        assert_eq!(Address(address.to_owned()).last_four(), expected);
    };
    check("5548999998888", "…8888");
    check("139586532475042@lid", "…5042");
    check("120363019502650977-group", "…0977");
    check("status@broadcast", "…");
    check("12", "…12");
}

#[test]
fn canonical_digits_parse_to_themselves() {
    for text in ["554899998888", "554833338888", "555599990000", "12125550100", "51987654321"] {
        let phone = Address(text.to_owned()).phone().expect("a phone");
        assert_eq!(Phone::with_country_code(phone.as_str()), Ok(phone));
    }
}
