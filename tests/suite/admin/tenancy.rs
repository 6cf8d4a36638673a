//! A clinic's key never reaches another clinic's rows: checked on every route that requires a key
//! (docs/rules/security.md#tenancy).

use std::collections::BTreeMap;

use reqwest::Method;
use scheduler_api::auth::Auth;
use scheduler_api::route::AnyRoute;
use scheduler_api::routes::ROUTES;
use scheduler_tests::{CLINIC, TestApp, TestConfig, fill_placeholders};
use serde_json::{Value, json};

const OTHER: &str = "other-clinic";
const KEYS: &str = "test-api-key,laser-beauty-sp:own-key,other-clinic:other-key";

/// The ids of one clinic's rows, by path parameter.
type Ids = BTreeMap<&'static str, String>;

/// Path parameters, each with SQL that inserts a row of clinic `$1` and returns its id.
const ROWS: [(&str, &str); 7] = [
    (
        "serviceId",
        "insert into scheduler.services (clinic_id, name, duration_minutes) values ($1, 'Limpeza', 30)
        returning id::text",
    ),
    (
        "professionalId",
        "insert into scheduler.professionals (clinic_id, name) values ($1, 'Esteticista') returning id::text",
    ),
    (
        "ruleId",
        "insert into scheduler.availability_rules (clinic_id, day_of_week, start_time, end_time)
        values ($1, 6, '09:00', '12:00') returning id::text",
    ),
    (
        "exceptionId",
        "insert into scheduler.availability_exceptions (clinic_id, exception_date, exception_type)
        values ($1, '2026-03-02', 'BLOCKED') returning id::text",
    ),
    (
        "appointmentId",
        "with patient as (
            insert into scheduler.patients (clinic_id, phone, match_key)
            values ($1, '5511999990000', '5511999990000') returning id
        )
        insert into scheduler.appointments (
            clinic_id, patient_id, service_id, appointment_date, start_time, end_time, buffer_minutes
        )
        select $1, patient.id, s.id, '2026-02-18', '10:00', '10:30', 10
        from patient, scheduler.services s where s.clinic_id = $1 limit 1
        returning id::text",
    ),
    (
        "templateId",
        "insert into scheduler.message_templates (clinic_id, template_key, content)
        values ($1, 'BOOKED', 'Até lá!') returning id::text",
    ),
    (
        "faqId",
        "insert into scheduler.faq_items (clinic_id, question_key, question_label, answer)
        values ($1, 'KEYS', 'Chaves?', 'Sim.') returning id::text",
    ),
];

async fn insert_rows(app: &TestApp, clinic: &str) -> Ids {
    let mut ids = Ids::from([("clinicId", clinic.to_owned())]);
    for (name, sql) in ROWS {
        let id = sqlx::query_scalar(sql).bind(clinic).fetch_one(&app.database.pool).await;
        ids.insert(name, id.unwrap_or_else(|error| panic!("{name}: {error}")));
    }
    ids
}

/// A valid request body for a function that takes one.
fn body(function: &str, ids: &Ids) -> Value {
    let hours = json!({ "mon": { "start": "09:00", "end": "18:00" } });
    match function {
        "CreateAppointment" => json!({ "clinicId": ids["clinicId"], "phone": "5511988887777",
            "serviceId": ids["serviceId"], "professionalId": ids["professionalId"],
            "date": "2026-02-18", "time": "14:00" }),
        "UpdateAppointment" => json!({ "notes": "Alergia" }),
        "CreateClinic" => json!({ "name": "Terceira", "business_hours": hours }),
        "UpdateClinic" => json!({ "address": "Rua Nova, 1" }),
        "CreateService" => json!({ "name": "Massagem", "duration_minutes": 30 }),
        "UpdateService" => json!({ "description": "Relaxante" }),
        "CreateProfessional" => json!({ "name": "Massagista" }),
        "UpdateProfessional" => json!({ "role": "Massagista" }),
        "CreateAvailabilityRule" => json!({ "day_of_week": 0, "start_time": "09:00", "end_time": "12:00",
            "professional_id": ids["professionalId"] }),
        "UpdateAvailabilityRule" => json!({ "end_time": "13:00", "professional_id": ids["professionalId"] }),
        "CreateAvailabilityException" => {
            json!({ "exception_date": "2026-03-03", "exception_type": "BLOCKED" })
        }
        "UpdateAvailabilityException" => json!({ "reason": "Feriado" }),
        "CreateTemplate" => json!({ "template_key": "WELCOME_NEW", "content": "Olá!" }),
        "UpdateTemplate" => json!({ "content": "Até breve!" }),
        "CreateFaq" => json!({ "question_key": "PARKING", "question_label": "Há vagas?", "answer": "Sim." }),
        "UpdateFaq" => json!({ "answer": "Não." }),
        "SendMessage" => json!({ "clinicId": ids["clinicId"], "phone": "5511988887777", "type": "text",
            "content": "Olá" }),
        _ => panic!("add a body for {function}: its tenancy is not tested"),
    }
}

/// A request that is valid except perhaps for its ids.
#[derive(Debug, PartialEq)]
struct TestRequest {
    method: Method,
    path: String,
    body: Option<Value>,
}

fn request(route: &dyn AnyRoute, ids: &Ids) -> TestRequest {
    let known = |name: &str| ids.get(name).unwrap_or_else(|| panic!("no row for {{{name}}}")).clone();
    let query = match route.function {
        "GetAvailableSlots" => format!("?date=2026-02-19&serviceId={}", ids["serviceId"]),
        _ => String::new(),
    };
    let method: Method = route.method.parse().expect("a method");
    let body = (method != Method::GET).then(|| body(route.function, ids));
    TestRequest { path: fill_placeholders(route.path, known) + &query, method, body }
}

/// The requests with one id replaced each. An id that the request does not contain is skipped.
fn with_one_id_replaced<'a>(
    route: &'a dyn AnyRoute,
    own: &'a Ids,
    replacement: impl Fn(&str) -> String + 'a,
) -> impl Iterator<Item = TestRequest> + 'a {
    own.keys().filter_map(move |name| {
        let mut ids = own.clone();
        ids.insert(name, replacement(name));
        Some(request(route, &ids)).filter(|replaced| *replaced != request(route, own))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_route_lets_a_key_reach_another_clinics_rows() {
    let app = TestApp::with(TestConfig { keys: KEYS, ..TestConfig::default() }).await;
    let database = &app.database;
    sqlx::query("delete from scheduler.message_templates")
        .execute(&database.pool)
        .await
        .expect("the templates are deleted");
    sqlx::query("insert into scheduler.clinics (clinic_id, name) values ($1, 'Outra')")
        .bind(OTHER)
        .execute(&database.pool)
        .await
        .expect("another clinic");
    let (own, other) = (insert_rows(&app, CLINIC).await, insert_rows(&app, OTHER).await);

    let (mut routes, mut refusals) = (0, [0; 5]);
    for &route in ROUTES.iter().filter(|route| route.auth == Auth::Key) {
        let valid = || request(route, &own);
        let mut cases = vec![(0, None, valid(), 401), (1, Some("wrong-key"), valid(), 401)];
        cases.push((2, Some("other-key"), valid(), 404));
        let foreign = with_one_id_replaced(route, &own, |name| other[name].clone());
        cases.extend(foreign.map(|request| (3, Some("own-key"), request, 404)));
        let malformed = with_one_id_replaced(route, &own, |_| "not-a-uuid".to_owned());
        cases.extend(malformed.map(|request| (4, Some("own-key"), request, 404)));

        let before = database.fingerprint().await;
        assert_eq!(before.len(), 10, "{before:?}");
        for (kind, key, request, expected) in cases {
            let TestRequest { method, path, body } = request;
            let shown = format!("{} {key:?} {method} {path} {body:?}", route.function);
            let answered = app.ask_with(key, method, &path, body.as_ref()).await;
            assert_eq!(answered.status, expected, "{shown}: {}", answered.body);
            refusals[kind] += 1;
        }
        assert_eq!(database.fingerprint().await, before, "{}", route.function);

        // With the right key the valid request succeeds, so only keys and ids caused the refusals.
        let TestRequest { method, path, body } = valid();
        let served = app.ask(method, &path, body.as_ref()).await;
        assert!([200, 201].contains(&served.status), "{}: {} {}", route.function, served.status, served.body);
        routes += 1;
    }
    let [no_key, wrong_key, other_key, other_id, malformed_id] = refusals;
    println!(
        "{routes} routes: {no_key} × no key, {wrong_key} × a wrong key: 401; {other_key} × another clinic's key, \
         {other_id} × another clinic's id, {malformed_id} × a malformed id: 404; no row changed"
    );
    assert_eq!((no_key, wrong_key, other_key), (routes, routes, routes));
}
