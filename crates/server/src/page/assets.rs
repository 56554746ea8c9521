//! Files that are inside the program.

use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

/// The mark.
pub(crate) const ICON: &str = include_str!("../assets/icon.svg");
const FILES: [(&str, &str, &str); 3] = [
    ("app.css", "text/css; charset=utf-8", include_str!("../assets/app.css")),
    ("app.js", "text/javascript; charset=utf-8", include_str!("../assets/app.js")),
    ("icon.svg", "image/svg+xml", ICON),
];
/// The name changes with the program's files, so browsers may keep them.
const KEEP: &str = "public, max-age=31536000, immutable";

/// Returns the URL of a file; it changes with its content.
pub(crate) fn url(name: &str) -> String {
    let content = FILES.iter().find(|(file, ..)| *file == name).map_or("", |(.., content)| content);
    format!("/assets/{:016x}-{name}", print(content))
}

fn print(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Serves a file.
pub(crate) async fn serve(Path(file): Path<String>) -> Response {
    let found = FILES.iter().find(|(name, ..)| url(name).ends_with(&format!("/{file}")));
    match found {
        Some((_, kind, content)) => {
            ([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, KEEP)], *content).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
