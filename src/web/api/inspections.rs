//! The last inspections, with their pictures.

use axum::http::StatusCode;

use super::super::answer::{self, Handled, WebFault, bytes, json_text, mime};
use super::super::routes::Call;
use super::super::snapshot::INSPECTIONS;

/// Number of inspections returned by default.
const USUAL: usize = 50;

pub(in super::super) async fn list(call: Call) -> Handled {
    let inspections = call.server.shared.snapshot.inspections(call.limit(USUAL, INSPECTIONS)?);
    let with_picture = inspections.into_iter().map(|(id, payload, drawn)| {
        let mut out = payload.strip_suffix(b"}").unwrap_or(&payload).to_vec();
        let picture = match drawn {
            true => format!(",\"picture\":\"/api/v1/inspections/{id}/picture\"}}"),
            false => ",\"picture\":null}".to_owned(),
        };
        out.extend_from_slice(picture.as_bytes());
        out.into()
    });
    Ok(json_text(StatusCode::OK, answer::list(with_picture)))
}

pub(in super::super) async fn picture(call: Call) -> Handled {
    let id = call.number("acquisition")?;
    match call.server.shared.snapshot.picture(id) {
        Some(jpeg) => Ok(bytes(mime::JPEG, jpeg)),
        None => {
            let message = format!("there is no picture of acquisition {id}");
            let remedy = "the last ones are kept in memory; older ones are evidence, on the device's disk";
            Err(WebFault::unknown("unknown_acquisition", message, remedy))
        }
    }
}
