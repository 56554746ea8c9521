//! What a query comes to at one time.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use jiff::Timestamp;

use super::{
    super::tally::Tally,
    LabelSet, QueryError,
    combine::{aggregate, binary},
    functions::{self, Vector, Window},
    metrics::{self, Found},
    parse::{Expr, Selector},
};

/// A sample older than this is not the present value.
const LOOKBACK: i64 = 300_000;

/// What a query comes to.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Scalar(f64),
    Vector(Vector),
}

/// The evaluation of one query, at one time after another.
pub(super) struct Evaluation<'a> {
    tally: &'a Tally,
    at: i64,
    /// What was selected before, by the place of the selector in the query.
    selected: RefCell<BTreeMap<usize, Rc<Vec<Found<'a>>>>>,
}

impl<'a> Evaluation<'a> {
    /// Returns an evaluation over the samples of a tally. It is good for one query only.
    pub(super) fn new(tally: &'a Tally) -> Self {
        Self { tally, at: 0, selected: RefCell::default() }
    }

    /// Returns what the query comes to at one time.
    ///
    /// # Errors
    /// Where it asks for something that is not known, or for what makes no sense.
    pub(super) fn at(&mut self, expr: &Expr, at: Timestamp) -> Result<Value, QueryError> {
        self.at = at.as_millisecond();
        self.of(expr)
    }

    fn select(&self, selector: &Selector) -> Rc<Vec<Found<'a>>> {
        let place = std::ptr::from_ref(selector).addr();
        let mut selected = self.selected.borrow_mut();
        selected.entry(place).or_insert_with(|| Rc::new(metrics::select(self.tally, &selector.matchers))).clone()
    }

    fn of(&self, expr: &Expr) -> Result<Value, QueryError> {
        match expr {
            Expr::Number(number) => Ok(Value::Scalar(*number)),
            Expr::Selector(selector) if selector.range.is_some() => Err(QueryError::Evaluate(
                "invalid expression type \"range vector\" here, must be instant vector or scalar".into(),
            )),
            Expr::Selector(selector) => Ok(Value::Vector(self.instant(selector))),
            Expr::Call(name, arguments) => self.call(name, arguments),
            Expr::Aggregate(parts) => Ok(Value::Vector(aggregate(parts, self.vector(&parts.of)?))),
            Expr::Binary(sides) => binary(sides, self.of(&sides.left)?, self.of(&sides.right)?),
            Expr::Negate(inner) => Ok(match self.of(inner)? {
                Value::Scalar(number) => Value::Scalar(-number),
                Value::Vector(vector) => {
                    Value::Vector(vector.into_iter().map(|(labels, value)| (without_name(labels), -value)).collect())
                }
            }),
        }
    }

    fn vector(&self, expr: &Expr) -> Result<Vector, QueryError> {
        match self.of(expr)? {
            Value::Vector(vector) => Ok(vector),
            Value::Scalar(_) => Err(QueryError::Evaluate("expected an instant vector, got a scalar".to_owned())),
        }
    }

    fn scalar(&self, expr: &Expr) -> Result<f64, QueryError> {
        match self.of(expr)? {
            Value::Scalar(number) => Ok(number),
            Value::Vector(_) => Err(QueryError::Evaluate("expected a scalar, got an instant vector".to_owned())),
        }
    }

    fn instant(&self, selector: &Selector) -> Vector {
        let end = self.at - selector.offset;
        let last = |series: &Found<'_>| {
            let (_, value) = series.samples(end - LOOKBACK, end).next_back()?;
            Some((series.labels.clone(), value))
        };
        self.select(selector).iter().filter_map(last).collect()
    }

    fn call(&self, name: &str, arguments: &[Expr]) -> Result<Value, QueryError> {
        let count = |least: usize, most: usize| {
            if (least..=most).contains(&arguments.len()) {
                return Ok(());
            }
            Err(QueryError::Parse(format!("wrong number of arguments in call to {name}(): {}", arguments.len())))
        };
        if functions::takes_range(name) {
            count(1, 1)?;
            return self.over(name, &arguments[0]).map(Value::Vector);
        }
        match name {
            "histogram_quantile" => {
                count(2, 2)?;
                let quantile = self.scalar(&arguments[0])?;
                Ok(Value::Vector(functions::histogram_quantile(quantile, self.vector(&arguments[1])?)))
            }
            "scalar" => {
                count(1, 1)?;
                let vector = self.vector(&arguments[0])?;
                Ok(Value::Scalar(if let [(_, value)] = vector.as_slice() { *value } else { f64::NAN }))
            }
            "vector" => {
                count(1, 1)?;
                Ok(Value::Vector(vec![(LabelSet::new(), self.scalar(&arguments[0])?)]))
            }
            "absent" => {
                count(1, 1)?;
                let found = !self.vector(&arguments[0])?.is_empty();
                Ok(Value::Vector(if found { Vec::new() } else { vec![(expected(&arguments[0]), 1.0)] }))
            }
            "time" => {
                count(0, 0)?;
                #[expect(clippy::cast_precision_loss, reason = "a time in seconds")]
                let seconds = self.at as f64 / 1000.0;
                Ok(Value::Scalar(seconds))
            }
            _ => {
                let unknown = || QueryError::NotSupported(format!("the function {name}"));
                functions::of_value(name, 0.0, &[]).ok_or_else(unknown)?;
                count(1, 3)?;
                self.each(name, arguments).map(Value::Vector)
            }
        }
    }

    fn each(&self, name: &str, arguments: &[Expr]) -> Result<Vector, QueryError> {
        let numbers: Vec<f64> =
            arguments[1..].iter().map(|argument| self.scalar(argument)).collect::<Result<_, _>>()?;
        let vector = self.vector(&arguments[0])?.into_iter();
        let one = |(labels, value)| Some((without_name(labels), functions::of_value(name, value, &numbers)?));
        Ok(vector.filter_map(one).collect())
    }

    fn over(&self, name: &str, argument: &Expr) -> Result<Vector, QueryError> {
        let Expr::Selector(selector @ Selector { range: Some(range), offset, .. }) = argument else {
            return Err(QueryError::Parse(format!("expected type range vector in call to function {name:?}")));
        };
        let end = self.at - offset;
        let window = Window { start: end - range, end };
        let mut results = Vector::new();
        for series in self.select(selector).iter() {
            let samples: Vec<_> = series.samples(window.start, window.end).collect();
            if let Some(value) = functions::over(name, &samples, window)? {
                results.push((without_name(series.labels.clone()), value));
            }
        }
        Ok(results)
    }
}

fn without_name(mut labels: LabelSet) -> LabelSet {
    labels.remove("__name__");
    labels
}

/// Returns the labels that a missing series would have had for sure.
fn expected(expr: &Expr) -> LabelSet {
    let Expr::Selector(selector) = expr else { return LabelSet::new() };
    let equal = selector.matchers.iter().filter_map(|matcher| match &matcher.test {
        super::parse::Test::Equal(text) if matcher.label != "__name__" => Some((matcher.label.clone(), text.clone())),
        _ => None,
    });
    equal.collect()
}
