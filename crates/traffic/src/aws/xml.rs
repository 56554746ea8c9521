//! Reading AWS's XML. Namespaces differ by service and version and are not looked at.

use roxmltree::{Document, Node};

/// Returns the text of the first element of a name, wherever it is; `None` also where the text is no XML.
pub(super) fn first_text(body: &str, name: &str) -> Option<String> {
    let document = Document::parse(body).ok()?;
    let found = document.descendants().find(|node| is_named(*node, name))?;
    found.text().map(|text| text.trim().to_owned())
}

/// Whether an element has this name.
pub(super) fn is_named(node: Node<'_, '_>, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name
}

/// Returns the first child of a name.
pub(super) fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| is_named(*child, name))
}

/// Returns the text of the first child of a name, empty without one.
pub(super) fn field(node: Node<'_, '_>, name: &str) -> String {
    child(node, name).and_then(|node| node.text()).unwrap_or_default().trim().to_owned()
}

/// Returns the elements `member` of the first child of a name.
pub(super) fn members<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Vec<Node<'a, 'i>> {
    let list = child(node, name);
    list.into_iter().flat_map(|list| list.children()).filter(|node| is_named(*node, "member")).collect()
}
