//! The messages of `plugins/proto/tiphys/plugin/v1/plugin.proto`, field by field; the test `proto` compares the two.
#![expect(missing_docs, reason = "the published .proto explains the fields")]

use std::collections::BTreeMap;

/// Version of the protocol.
pub const PROTOCOL: u32 = 1;

#[derive(Clone, PartialEq, prost::Message)]
pub struct DescribeRequest {
    #[prost(uint32, tag = "1")]
    pub protocol: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct DescribeReply {
    #[prost(uint32, tag = "1")]
    pub protocol: u32,
    #[prost(string, tag = "2")]
    pub version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RouteRequest {
    #[prost(string, tag = "1")]
    pub rollout: String,
    #[prost(string, tag = "2")]
    pub config: String,
    #[prost(int32, tag = "3")]
    pub max_weight: i32,
    #[prost(message, optional, tag = "4")]
    pub canary: Option<Destination>,
    #[prost(message, optional, tag = "5")]
    pub stable: Option<Destination>,
    #[prost(message, repeated, tag = "6")]
    pub additional: Vec<Destination>,
    #[prost(message, repeated, tag = "7")]
    pub headers: Vec<HeaderRoute>,
    #[prost(message, repeated, tag = "8")]
    pub mirrors: Vec<MirrorRoute>,
    #[prost(string, repeated, tag = "9")]
    pub managed_routes: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Destination {
    #[prost(string, tag = "1")]
    pub service: String,
    #[prost(string, tag = "2")]
    pub pod_template_hash: String,
    #[prost(int32, tag = "3")]
    pub weight: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderRoute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, repeated, tag = "2")]
    pub matches: Vec<HeaderMatch>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct HeaderMatch {
    #[prost(string, tag = "1")]
    pub header: String,
    #[prost(message, optional, tag = "2")]
    pub value: Option<StringMatch>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct StringMatch {
    #[prost(string, tag = "1")]
    pub exact: String,
    #[prost(string, tag = "2")]
    pub prefix: String,
    #[prost(string, tag = "3")]
    pub regex: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct MirrorRoute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, repeated, tag = "2")]
    pub matches: Vec<RequestMatch>,
    #[prost(int32, tag = "3")]
    pub percentage: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RequestMatch {
    #[prost(message, optional, tag = "1")]
    pub method: Option<StringMatch>,
    #[prost(message, optional, tag = "2")]
    pub path: Option<StringMatch>,
    #[prost(btree_map = "string, message", tag = "3")]
    pub headers: BTreeMap<String, StringMatch>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct RouteReply {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct VerifyReply {
    #[prost(enumeration = "Verification", tag = "1")]
    pub verification: i32,
    #[prost(string, tag = "2")]
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub enum Verification {
    Unspecified = 0,
    Verified = 1,
    NotYet = 2,
    NotSupported = 3,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct MeasureRequest {
    #[prost(string, tag = "1")]
    pub analysis_run: String,
    #[prost(string, tag = "2")]
    pub metric: String,
    #[prost(message, optional, tag = "3")]
    pub measurement: Option<Measurement>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Measurement {
    #[prost(string, tag = "1")]
    pub phase: String,
    #[prost(string, tag = "2")]
    pub value: String,
    #[prost(string, tag = "3")]
    pub message: String,
    #[prost(btree_map = "string, string", tag = "4")]
    pub metadata: BTreeMap<String, String>,
    #[prost(uint32, tag = "5")]
    pub resume_after_seconds: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct GarbageCollectRequest {
    #[prost(string, tag = "1")]
    pub analysis_run: String,
    #[prost(string, tag = "2")]
    pub metric: String,
    #[prost(int32, tag = "3")]
    pub limit: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct GarbageCollectReply {}

#[derive(Clone, PartialEq, prost::Message)]
pub struct StepRequest {
    #[prost(string, tag = "1")]
    pub rollout: String,
    #[prost(string, tag = "2")]
    pub config: String,
    #[prost(string, tag = "3")]
    pub status: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct StepReply {
    #[prost(string, tag = "1")]
    pub phase: String,
    #[prost(string, tag = "2")]
    pub message: String,
    #[prost(uint32, tag = "3")]
    pub requeue_after_seconds: u32,
    #[prost(string, tag = "4")]
    pub status: String,
}
