use serde_json::json;

use super::*;

fn run(text: &str) -> Result<Val, String> {
    let own = json!({"name": "web-1", "replicas": 3, "min": 1, "max": 5, "ports": [80, 443], "tags": ["b", "a"],
        "labels": {"app": "web"}, "cpu": "500m", "namespace": "n", "dash-ed": true, "empty": []});
    let program = Program::compile(text).map_err(|e| e.to_string())?;
    let mut budget = 10_000;
    program.evaluate(&[("self", Val::from_json(&own, None))], &mut budget).map_err(|e| e.to_string())
}

#[test]
fn expressions_are_true() {
    for text in [
        "self.min <= self.max && self.replicas >= self.min",
        "self.replicas == 3 && self.replicas != 4 && self.replicas == 3.0",
        "has(self.name) && !has(self.nope)",
        "!has(self.nope) || self.nope > 1",
        "self.nope > 1 || self.name == 'web-1'",
        "self.ports.all(p, p > 0 && p < 65536)",
        "self.ports.exists(p, p == 443) && self.ports.exists_one(p, p == 80)",
        "self.ports.map(p, p * 2) == [160, 886]",
        "self.ports.map(p, p > 100, p) == [443] && self.ports.filter(p, p > 100) == [443]",
        "self.labels.all(k, k.startsWith('a')) && 'app' in self.labels && 80 in self.ports",
        "size(self.ports) == 2 && self.name.size() == 5 && size(self.labels) == 1",
        "self.name.matches('^[a-z]+-[0-9]+$') && self.name.contains('b-') && self.name.endsWith('1')",
        "self.replicas > 1 ? self.name == 'web-1' : false",
        "-self.min == -1 && 7 / 2 == 3 && 7 % 2 == 1 && 1.5 * 2.0 == 3.0 && -9223372036854775808 < 0",
        "self.name + '!' == 'web-1!' && [1] + [2] == [1, 2]",
        "self.labels['app'] == \"web\" && self.ports[1] == 443",
        "quantity(self.cpu).isLessThan(quantity('1')) && isQuantity('1Gi') && quantity('2').asInteger() == 2",
        "duration('90m') > duration('1h') && timestamp('2026-01-02T03:04:05Z').getFullYear() == 2026",
        "timestamp('2026-01-02T00:00:00Z') - timestamp('2026-01-01T00:00:00Z') == duration('24h')",
        "self.__namespace__ == 'n' && self.dash__dash__ed",
        "self.?nope.orValue(5) == 5 && self.?min.hasValue() && self.?labels.?app.orValue('x') == 'web'",
        "int('5') == 5 && string(5) == '5' && double(1) == 1.0 && bool('true')",
        "self.tags.isSorted() == false && self.ports.sum() == 523 && self.ports.max() == 443",
        "'a,b'.split(',') == ['a', 'b'] && self.name.substring(0, 3) == 'web' && 'aXb'.lowerAscii() == 'axb'",
        "self.name.find('[0-9]+') == '1' && self.name.replace('web', 'app') == 'app-1'",
        "{'a': 1}.a == 1 && type(1) == int && type('') == string",
        "cel.bind(x, self.min + 1, x * x == 4)",
        "sets.contains(self.ports, [80]) && self.tags.join('-') == 'b-a'",
        "r'\\d' == '\\\\d' || true // done",
        "self.empty.all(x, x > 1) && !self.empty.exists(x, true)",
    ] {
        let result = run(text).map(|v| v.truth());
        assert_eq!(result, Ok(Ok(true)), "{text}");
    }
}

#[test]
fn failures_are_said() {
    for (text, expected) in [
        ("self.nope == 1", "no such key: nope"),
        ("self.ports[9] == 1", "index out of bounds: 9"),
        ("self.name + 1 == 2", "no such overload"),
        ("1 / 0 == 1", "division by zero"),
        ("9223372036854775807 + 1 == 0", "integer overflow"),
        ("nobody == 1", "undeclared reference to 'nobody'"),
        ("url('x').getHost() == ''", "undeclared reference to 'url'"),
        ("self.name ==", "Syntax error: mismatched input '<EOF>'"),
        ("self.name == 'x", "Syntax error: unterminated string"),
    ] {
        assert_eq!(run(text).unwrap_err(), expected, "{text}");
    }
}

#[test]
fn work_and_depth_are_bounded() {
    let list = json!((0..1000).collect::<Vec<_>>());
    let program = Program::compile("self.all(a, self.all(b, self.all(c, a + b + c >= 0)))").unwrap();
    let mut budget = 100_000;
    let result = program.evaluate(&[("self", Val::from_json(&list, None))], &mut budget);
    assert_eq!(result.map(|v| v.truth()), Err(EvalError::Budget));
    for text in ["(".repeat(10_000), "[".repeat(10_000), "!".repeat(10_000), "a.".repeat(9000), "1+".repeat(9000)] {
        assert!(Program::compile(&text).is_err());
    }
    let chain = vec!["self.size() > 0"; 200].join(" && ");
    let mut budget = 100_000;
    assert!(Program::compile(&chain).unwrap().evaluate(&[("self", Val::from_json(&list, None))], &mut budget).is_ok());
}

#[test]
fn garbage_never_panics() {
    let pieces = [
        "self", ".", "?", "[", "]", "(", ")", "{", "}", "'", "\"", "\\", "1", "u", "e", "0x", "&&", "||", "-", "!",
        ",", ":", "in", "map", "has", "é", " ",
    ];
    let mut random = fastrand::Rng::with_seed(3);
    for _ in 0..50_000 {
        let text: String = (0..random.usize(1..12)).map(|_| pieces[random.usize(..pieces.len())]).collect();
        if let Ok(program) = Program::compile(&text) {
            let mut budget = 1000;
            let _any = program.evaluate(&[("self", Val::Int(1))], &mut budget);
        }
    }
}

#[test]
fn sets_compare_without_order() {
    let schema = crate::schema::from_openapi(
        &json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}),
    );
    let value = |list: &serde_json::Value| Val::from_json(list, Some(&schema));
    assert!(value(&json!(["a", "b"])).equals(&value(&json!(["b", "a"]))));
    assert!(!value(&json!(["a", "b"])).equals(&value(&json!(["a", "a"]))));
}
