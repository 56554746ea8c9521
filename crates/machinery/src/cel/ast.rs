//! Expressions as trees.

use super::Val;

/// One node of an expression.
#[derive(Debug, Clone)]
pub(super) enum Expr {
    Literal(Val),
    Name(String),
    /// `of.field`, or `of.?field`.
    Select {
        of: Box<Expr>,
        field: String,
        optional: bool,
    },
    /// `has(of.field)`.
    Has {
        of: Box<Expr>,
        field: String,
    },
    /// `of[index]`, or `of[?index]`.
    Index {
        of: Box<Expr>,
        index: Box<Expr>,
        optional: bool,
    },
    /// `f(args)`, or `of.f(args)`.
    Call {
        name: &'static str,
        of: Option<Box<Expr>>,
        args: Vec<Expr>,
    },
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(Operator, Box<Expr>, Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `range.all(name, body)` and its kin; `map` may have a filter before its body.
    Comprehension {
        kind: Comprehension,
        range: Box<Expr>,
        name: String,
        filter: Option<Box<Expr>>,
        body: Box<Expr>,
    },
    /// `cel.bind(name, value, body)`.
    Bind {
        name: String,
        value: Box<Expr>,
        body: Box<Expr>,
    },
}

/// The macros over lists and maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comprehension {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
}

/// The operators that evaluate both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Expr {
    /// Returns whether the variable `wanted` occurs.
    pub(super) fn mentions(&self, wanted: &str) -> bool {
        match self {
            Self::Name(name) => name == wanted,
            other => other.children().into_iter().any(|child| child.mentions(wanted)),
        }
    }

    fn children(&self) -> Vec<&Expr> {
        match self {
            Self::Literal(_) | Self::Name(_) => Vec::new(),
            Self::Select { of, .. } | Self::Has { of, .. } | Self::Not(of) | Self::Negate(of) => vec![of],
            Self::Index { of, index, .. } => vec![of, index],
            Self::Call { of, args, .. } => of.iter().map(AsRef::as_ref).chain(args).collect(),
            Self::List(items) => items.iter().collect(),
            Self::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
            Self::Binary(_, left, right) | Self::And(left, right) | Self::Or(left, right) => vec![left, right],
            Self::Conditional(test, yes, no) => vec![test, yes, no],
            Self::Comprehension { range, filter, body, .. } => {
                [range, body].into_iter().chain(filter).map(AsRef::as_ref).collect()
            }
            Self::Bind { value, body, .. } => vec![value, body],
        }
    }
}
