//! The form body of the Query protocols: `Tags.member.1.Key=team` is a path into a tree.

use std::collections::BTreeMap;

/// More parameters than any served operation takes; a request over it is refused, not walked.
const MAX_PARAMETERS: usize = 10_000;
/// Deeper than any served input shape.
const MAX_SEGMENTS: usize = 32;

#[derive(Debug, Default)]
pub struct Node {
    pub value: Option<String>,
    pub children: BTreeMap<String, Node>,
}

impl Node {
    /// Reads query string and body into one tree. The error says what is beyond bounds.
    pub fn parse(query: &str, body: &[u8]) -> Result<Node, String> {
        let mut root = Node::default();
        let pairs = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(body));
        for (count, (key, value)) in pairs.enumerate() {
            if count >= MAX_PARAMETERS {
                return Err(format!("more than {MAX_PARAMETERS} parameters"));
            }
            if key.split('.').count() > MAX_SEGMENTS {
                return Err(format!("a parameter name of more than {MAX_SEGMENTS} parts"));
            }
            let mut node = &mut root;
            for segment in key.split('.') {
                node = node.children.entry(segment.to_owned()).or_default();
            }
            node.value = Some(value.into_owned());
        }
        Ok(root)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        self.children.get(name)?.value.as_deref()
    }

    /// Children with a number for a name, in the order of the numbers; gaps do not matter.
    pub fn numbered(&self) -> Vec<&Node> {
        let mut found: Vec<(u32, &Node)> = self
            .children
            .iter()
            .filter_map(|(name, node)| Some((name.parse().ok()?, node)))
            .collect();
        found.sort_by_key(|(number, _)| *number);
        found.into_iter().map(|(_, node)| node).collect()
    }
}

/// Collects the pairs of a form in order.
#[derive(Default)]
pub struct Form {
    pairs: Vec<(String, String)>,
}

impl Form {
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.pairs.push((name.into(), value.into()));
    }

    pub fn finish(self) -> Vec<u8> {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs(self.pairs)
            .finish()
            .into_bytes()
    }
}
