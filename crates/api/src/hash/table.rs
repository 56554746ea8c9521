//! Which fields a Go struct has, in which order they are written, and when.

use std::{collections::BTreeMap, sync::OnceLock};

/// The structs by name.
pub(super) struct Table(BTreeMap<&'static str, Vec<Field>>);

/// One field.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) ty: Type,
    /// Whether it is written even when empty.
    pub(super) always: bool,
}

/// What a field holds.
pub(super) enum Type {
    String,
    Int,
    Bool,
    Time,
    Quantity,
    IntOrString,
    /// Any JSON, kept as it is.
    Raw,
    Struct(&'static str),
    Pointer(Box<Type>),
    List(Box<Type>),
    Map(Box<Type>),
}

impl Table {
    /// Returns the one table.
    pub(super) fn get() -> &'static Self {
        static TABLE: OnceLock<Table> = OnceLock::new();
        TABLE.get_or_init(|| Table::parse(&[include_str!("pod_template.txt"), include_str!("steps.txt")]))
    }

    /// Returns the fields of the struct `name`, none for an unknown one.
    pub(super) fn fields(&self, name: &str) -> &[Field] {
        self.0.get(name).map_or(&[], Vec::as_slice)
    }

    fn parse(texts: &[&'static str]) -> Self {
        let mut structs = BTreeMap::<&str, Vec<Field>>::new();
        let mut current = "";
        for line in texts.iter().flat_map(|text| text.lines()).filter(|line| !line.starts_with('#')) {
            if line.starts_with(' ') {
                let fields = line.split(',').map(str::trim).filter(|field| !field.is_empty());
                structs.entry(current).or_default().extend(fields.filter_map(Field::parse));
            } else {
                current = line;
                structs.entry(current).or_default();
            }
        }
        Self(structs)
    }
}

impl Field {
    fn parse(text: &'static str) -> Option<Self> {
        let (name, ty) = text.split_once(' ')?;
        Some(Self { name: name.trim_end_matches('!'), ty: Type::parse(ty), always: name.ends_with('!') })
    }
}

impl Type {
    fn parse(text: &'static str) -> Self {
        for (prefix, wrap) in [("*", Type::Pointer as fn(Box<Type>) -> Type), ("[]", Type::List), ("{}", Type::Map)] {
            if let Some(inner) = text.strip_prefix(prefix) {
                return wrap(Box::new(Type::parse(inner)));
            }
        }
        match text {
            "string" => Self::String,
            "int" => Self::Int,
            "bool" => Self::Bool,
            "time" => Self::Time,
            "quantity" => Self::Quantity,
            "intOrString" => Self::IntOrString,
            "raw" => Self::Raw,
            name => Self::Struct(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn struct_of(ty: &Type) -> Option<&'static str> {
        match ty {
            Type::Struct(name) => Some(name),
            Type::Pointer(inner) | Type::List(inner) | Type::Map(inner) => struct_of(inner),
            _ => None,
        }
    }

    #[test]
    fn every_struct_that_a_field_names_is_there() {
        let table = Table::get();
        assert!(table.0.len() > 100);
        for (name, fields) in &table.0 {
            for field in fields {
                let used = struct_of(&field.ty);
                assert!(used.is_none_or(|used| table.0.contains_key(used)), "{name}.{}: {used:?}", field.name);
            }
        }
    }
}
