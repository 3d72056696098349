//! The first page: how the bus fares, and what needs somebody first.

use axum::response::Response;
use maud::html;

use super::{Section, Visit, page};
use crate::{diagnostic::text, ops::Refusal};

/// `GET /console`
pub(super) async fn show(visit: Visit) -> Result<Response, Refusal> {
    let routes = visit.desk.status().await?;
    let body = html! {
        ul { @for route in &routes { li { (route.route) } } }
    };
    Ok(page(&visit, Section::Overview, text!("Overview"), body))
}
