//! The questions.

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::{Document, Node};

use super::{
    API_VERSION, CallError, ElasticLoadBalancing,
    xml::{child, field, is_named, members},
};

/// Load balancers a page.
const PAGE_SIZE: &str = "300";
/// Resources whose tags are told at once.
const TAGS_A_CALL: usize = 20;
/// Pages that are read at most: more than any account may have.
const MAX_PAGES: usize = 100;

/// A load balancer or a target group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) dns_name: String,
}

/// What a forward action sends where: weight by ARN of the target group.
pub(super) type Forward = BTreeMap<String, i64>;

/// Returns the load balancer of a DNS name.
pub(super) async fn load_balancer(aws: &dyn ElasticLoadBalancing, dns_name: &str) -> Result<Option<Named>, CallError> {
    let read = |result: Node<'_, '_>| members(result, "LoadBalancers").into_iter().map(load_balancer_of).collect();
    let all = pages(aws, "DescribeLoadBalancers", &[pair("PageSize", PAGE_SIZE)], read).await?;
    Ok(all.into_iter().find(|one: &Named| one.dns_name == dns_name))
}

fn load_balancer_of(node: Node<'_, '_>) -> Named {
    Named {
        name: field(node, "LoadBalancerName"),
        arn: field(node, "LoadBalancerArn"),
        dns_name: field(node, "DNSName"),
    }
}

/// Returns the target groups of a load balancer.
pub(super) async fn target_groups(aws: &dyn ElasticLoadBalancing, arn: &str) -> Result<Vec<Named>, CallError> {
    let read = |result: Node<'_, '_>| members(result, "TargetGroups").into_iter().map(target_group_of).collect();
    pages(aws, "DescribeTargetGroups", &[pair("LoadBalancerArn", arn)], read).await
}

fn target_group_of(node: Node<'_, '_>) -> Named {
    Named { name: field(node, "TargetGroupName"), arn: field(node, "TargetGroupArn"), dns_name: String::new() }
}

/// Returns the value of one tag by ARN, for the resources that have it.
pub(super) async fn tags(
    aws: &dyn ElasticLoadBalancing,
    arns: &[String],
    key: &str,
) -> Result<BTreeMap<String, String>, CallError> {
    let mut found = BTreeMap::new();
    for some in arns.chunks(TAGS_A_CALL) {
        let numbered =
            some.iter().enumerate().map(|(index, arn)| pair(&format!("ResourceArns.member.{}", index + 1), arn));
        let fields: Vec<_> = numbered.collect();
        let read = |result: Node<'_, '_>| {
            members(result, "TagDescriptions").into_iter().filter_map(|one| tag_of(one, key)).collect()
        };
        found.extend(pages(aws, "DescribeTags", &fields, read).await?);
    }
    Ok(found)
}

fn tag_of(resource: Node<'_, '_>, key: &str) -> Option<(String, String)> {
    let tag = members(resource, "Tags").into_iter().find(|tag| field(*tag, "Key") == key)?;
    Some((field(resource, "ResourceArn"), field(tag, "Value")))
}

/// Returns the forward actions of all rules of all listeners of a load balancer.
pub(super) async fn forwards(aws: &dyn ElasticLoadBalancing, arn: &str) -> Result<Vec<Forward>, CallError> {
    let read = |result: Node<'_, '_>| -> Vec<String> {
        members(result, "Listeners").into_iter().map(|listener| field(listener, "ListenerArn")).collect()
    };
    let listeners = pages(aws, "DescribeListeners", &[pair("LoadBalancerArn", arn)], read).await?;
    let mut all = Vec::new();
    for listener in &listeners {
        let read = |result: Node<'_, '_>| -> Vec<Forward> {
            let rules = members(result, "Rules").into_iter();
            rules.flat_map(|rule| members(rule, "Actions")).filter_map(forward_of).collect()
        };
        all.extend(pages(aws, "DescribeRules", &[pair("ListenerArn", listener)], read).await?);
    }
    Ok(all)
}

fn forward_of(action: Node<'_, '_>) -> Option<Forward> {
    let config = child(action, "ForwardConfig")?;
    let groups = members(config, "TargetGroups").into_iter();
    let weighed = groups.map(|group| (field(group, "TargetGroupArn"), field(group, "Weight").parse().unwrap_or(0)));
    Some(weighed.collect())
}

/// Returns the registered targets of a target group, whatever their health.
pub(super) async fn registered(
    aws: &dyn ElasticLoadBalancing,
    arn: &str,
) -> Result<BTreeSet<(String, i64)>, CallError> {
    let read = |result: Node<'_, '_>| -> Vec<(String, i64)> {
        let all = members(result, "TargetHealthDescriptions").into_iter().filter_map(|one| child(one, "Target"));
        all.map(|target| (field(target, "Id"), field(target, "Port").parse().unwrap_or(0))).collect()
    };
    Ok(pages(aws, "DescribeTargetHealth", &[pair("TargetGroupArn", arn)], read).await?.into_iter().collect())
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Asks page after page and returns everything that was read from the element `<action>Result` of each.
async fn pages<T>(
    aws: &dyn ElasticLoadBalancing,
    action: &'static str,
    fields: &[(String, String)],
    read: impl Fn(Node<'_, '_>) -> Vec<T>,
) -> Result<Vec<T>, CallError> {
    let mut all = Vec::new();
    let mut marker = String::new();
    for _ in 0..MAX_PAGES {
        let mut asked = vec![pair("Action", action), pair("Version", API_VERSION)];
        asked.extend(fields.iter().cloned());
        if !marker.is_empty() {
            asked.push(pair("Marker", &marker));
        }
        let body = aws.call(asked).await?;
        let wrong = |reason: String| CallError::Answer { action, reason };
        let document = Document::parse(&body).map_err(|error| wrong(error.to_string()))?;
        let name = format!("{action}Result");
        let result = document.descendants().find(|node| is_named(*node, &name));
        let result = result.ok_or_else(|| wrong(format!("no element {name}")))?;
        all.extend(read(result));
        marker = field(result, "NextMarker");
        if marker.is_empty() {
            return Ok(all);
        }
    }
    Err(CallError::Answer { action, reason: format!("more than {MAX_PAGES} pages") })
}
