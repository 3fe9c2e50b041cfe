//! XML as a small tree: what the Query codecs and the records of S3 read and write. Bounded in depth, no entities
//! but XML's own five, no DTD.

use crate::validate::legal_in_xml;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};

/// Deeper than any AWS message; keeps recursion over foreign trees bounded.
const MAX_DEPTH: usize = 64;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Local name, without a prefix.
    pub name: String,
    /// The `xmlns` attribute.
    pub namespace: Option<String>,
    pub children: Vec<Element>,
    /// Character data, in order, untrimmed.
    pub text: String,
}

impl Element {
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    /// Follows a path of names.
    pub fn at(&self, path: &[&str]) -> Option<&Element> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }
}

/// Reads one document. The error says what is wrong and where.
pub fn parse(bytes: &[u8]) -> Result<Element, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("not UTF-8: {e}"))?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        let at = reader.buffer_position();
        let wrong = |what: String| format!("{what} at byte {at}");
        match reader.read_event().map_err(|e| wrong(e.to_string()))? {
            Event::Start(start) => {
                if open.len() >= MAX_DEPTH {
                    return Err(wrong(format!("nested deeper than {MAX_DEPTH}")));
                }
                if root.is_some() {
                    return Err(wrong("a second root element".into()));
                }
                open.push(element(&start).map_err(wrong)?);
            }
            Event::Empty(start) => {
                let child = element(&start).map_err(wrong)?;
                close(&mut open, &mut root, child).map_err(wrong)?;
            }
            Event::End(_) => {
                let child = open.pop().ok_or_else(|| wrong("an end without a start".into()))?;
                close(&mut open, &mut root, child).map_err(wrong)?;
            }
            Event::Text(text) => {
                if let Some(element) = open.last_mut() {
                    element.text += &text.xml10_content();
                }
            }
            Event::CData(text) => {
                if let Some(element) = open.last_mut() {
                    element.text += &text.xml10_content();
                }
            }
            Event::GeneralRef(reference) => {
                let c = match reference.resolve_char_ref().map_err(|e| wrong(e.to_string()))? {
                    Some(c) => c,
                    None => match &*reference {
                        "lt" => '<',
                        "gt" => '>',
                        "amp" => '&',
                        "apos" => '\'',
                        "quot" => '"',
                        other => return Err(wrong(format!("unknown entity {other:.32}"))),
                    },
                };
                if let Some(element) = open.last_mut() {
                    element.text.push(c);
                }
            }
            Event::DocType(_) => return Err(wrong("a document type is not accepted".into())),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    match (root, open.is_empty()) {
        (Some(root), true) => Ok(root),
        (None, true) => Err("no element".into()),
        (_, false) => Err("cut off: an element is not closed".into()),
    }
}

fn element(start: &BytesStart<'_>) -> Result<Element, String> {
    let mut namespace = None;
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|e| e.to_string())?;
        if attribute.key.into_inner() == "xmlns" {
            namespace = Some(attribute.value.to_string());
        }
    }
    let name = start.local_name().into_inner().to_owned();
    Ok(Element { name, namespace, ..Element::default() })
}

fn close(open: &mut [Element], root: &mut Option<Element>, child: Element) -> Result<(), String> {
    match open.last_mut() {
        Some(parent) => parent.children.push(child),
        None if root.is_none() => *root = Some(child),
        None => return Err("a second root element".into()),
    }
    Ok(())
}

/// Writes documents element by element.
pub struct Sink {
    writer: Writer<Vec<u8>>,
}

impl Sink {
    /// A document with the usual declaration.
    pub fn new() -> Self {
        let mut sink = Sink { writer: Writer::new(Vec::new()) };
        sink.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
        sink
    }

    pub fn open(&mut self, name: &str, namespace: Option<&str>) {
        let mut start = BytesStart::new(name);
        if let Some(namespace) = namespace {
            start.push_attribute(("xmlns", namespace));
        }
        self.event(Event::Start(start));
    }

    pub fn close(&mut self, name: &str) {
        self.event(Event::End(BytesEnd::new(name)));
    }

    /// Character data. What XML cannot carry becomes U+FFFD; a carriage return is written as a reference, or
    /// every reader would turn it into a line feed.
    pub fn text(&mut self, text: &str) {
        let legal: String =
            text.chars().map(|c| if legal_in_xml(c) { c } else { '\u{FFFD}' }).collect();
        let escaped = quick_xml::escape::escape(legal.as_str()).replace('\r', "&#13;");
        self.event(Event::Text(BytesText::from_escaped(escaped)));
    }

    pub fn leaf(&mut self, name: &str, text: &str) {
        self.open(name, None);
        self.text(text);
        self.close(name);
    }

    pub fn finish(self) -> Vec<u8> {
        self.writer.into_inner()
    }

    fn event(&mut self, event: Event<'_>) {
        self.writer.write_event(event).expect("writing to a Vec does not fail");
    }
}

impl Default for Sink {
    fn default() -> Self {
        Sink::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_writing_and_reading() {
        for text in ["", " two  spaces ", "<&>\"' ]]>", "a\r\nb\rc\td", "naïve 😀"] {
            let mut sink = Sink::new();
            sink.open("Root", Some("https://example.com/"));
            sink.leaf("Leaf", text);
            sink.close("Root");
            let read = parse(&sink.finish()).unwrap();
            assert_eq!(read.namespace.as_deref(), Some("https://example.com/"));
            assert_eq!(read.text_of("Leaf"), Some(text));
        }
    }

    #[test]
    fn broken_documents_are_errors() {
        let deep = "<a>".repeat(100_000);
        for wrong in [
            "",
            "x",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<!DOCTYPE a []><a/>",
            "<a>&bomb;</a>",
            "</a>",
            &deep,
        ] {
            assert!(parse(wrong.as_bytes()).is_err(), "{wrong:.40}");
        }
        assert!(parse(b"<a>\xff</a>").is_err());
    }
}
