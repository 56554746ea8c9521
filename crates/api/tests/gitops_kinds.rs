//! Application and AppProject: every field survives, and the definitions take them.

use serde_json::{Value, json};
use tiphys_api::{AppProject, Application, crds::gitops_crds, decode};
use tiphys_machinery::{
    field::Path,
    schema::{self, structural},
};

const TIME: &str = "2026-01-02T03:04:05Z";

fn source() -> Value {
    json!({
        "repoURL": "https://git", "path": "p", "targetRevision": "r", "chart": "c", "ref": "x", "name": "n",
        "tagPrefix": "v",
        "helm": {
            "valueFiles": ["a"], "parameters": [{"name": "a", "value": "b", "forceString": true}], "releaseName": "r",
            "values": "a: 1", "fileParameters": [{"name": "a", "path": "b"}], "version": "v3", "passCredentials": true,
            "ignoreMissingValueFiles": true, "skipCrds": true, "valuesObject": {"a": {"b": 1}}, "namespace": "n",
            "kubeVersion": "1.34", "apiVersions": ["v1"], "skipTests": true, "skipSchemaValidation": true,
        },
        "kustomize": {
            "namePrefix": "a", "nameSuffix": "b", "images": ["a=b"], "commonLabels": {"a": "b"}, "version": "v5",
            "commonAnnotations": {"a": "b"}, "forceCommonLabels": true, "forceCommonAnnotations": true,
            "namespace": "n", "commonAnnotationsEnvsubst": true, "replicas": [{"name": "a", "count": "2"}],
            "patches": [{
                "path": "p", "patch": "q", "options": {"allowNameChange": true},
                "target": {"group": "g", "version": "v", "kind": "k", "name": "n", "namespace": "ns",
                           "annotationSelector": "a", "labelSelector": "l"},
            }],
            "components": ["c"], "ignoreMissingComponents": true, "labelWithoutSelector": true, "kubeVersion": "1.34",
            "apiVersions": ["v1"], "labelIncludeTemplates": true,
        },
        "directory": {
            "recurse": true, "exclude": "e", "include": "i", "disableExtensionFilter": true,
            "jsonnet": {"extVars": [{"name": "a", "value": "b", "code": true}], "tlas": [{"name": "a", "value": "b"}],
                        "libs": ["l"]},
        },
        "plugin": {
            "name": "p", "env": [{"name": "a", "value": "b"}],
            "parameters": [{"name": "a", "string": ""}, {"name": "b", "map": {}}, {"name": "c", "array": []}],
        },
    })
}

fn hydrator() -> Value {
    let mut dry = source();
    for field in ["chart", "ref", "name", "tagPrefix"] {
        dry.as_object_mut().unwrap().remove(field);
    }
    json!({
        "drySource": dry, "syncSource": {"targetBranch": "b", "path": "p", "repoURL": "https://other"},
        "hydrateTo": {"targetBranch": "next"},
    })
}

fn ignored() -> Value {
    json!([{"group": "g", "kind": "k", "name": "n", "namespace": "ns", "jsonPointers": ["/a"],
            "jqPathExpressions": [".a"], "managedFieldsManagers": ["m"]}])
}

fn spec() -> Value {
    json!({
        "source": source(), "sources": [source()], "sourceHydrator": hydrator(),
        "destination": {"server": "https://k", "name": "n", "namespace": "ns"}, "project": "p",
        "syncPolicy": {
            "automated": {"prune": true, "selfHeal": true, "allowEmpty": true, "enabled": false},
            "syncOptions": ["a=b"],
            "retry": {"limit": -1, "backoff": {"duration": "5s", "factor": 2, "maxDuration": "3m"}, "refresh": true},
            "managedNamespaceMetadata": {"labels": {"a": "b"}, "annotations": {"a": "b"}},
        },
        "ignoreDifferences": ignored(), "info": [{"name": "a", "value": "b"}], "revisionHistoryLimit": 0,
    })
}

fn operation() -> Value {
    json!({
        "sync": {
            "revision": "r", "revisions": ["r"], "prune": true, "dryRun": true, "source": source(),
            "syncStrategy": {"apply": {"force": true}, "hook": {"force": true}}, "sources": [source()],
            "resources": [{"group": "g", "kind": "k", "name": "n", "namespace": "ns"}], "manifests": ["{}"],
            "syncOptions": ["a=b"], "autoHealAttemptsCount": 3,
        },
        "initiatedBy": {"username": "u", "automated": true}, "info": [{"name": "a", "value": "b"}],
        "retry": {"limit": 1},
    })
}

fn status() -> Value {
    let done = json!({"drySHA": "a", "hydratedSHA": "b", "sourceHydrator": hydrator()});
    let mut current = done.clone();
    current["startedAt"] = json!(TIME);
    current["finishedAt"] = json!(TIME);
    current["phase"] = json!("Hydrated");
    current["message"] = json!("m");
    json!({
        "resources": [{"group": "g", "version": "v", "kind": "k", "namespace": "ns", "name": "n", "status": "Synced",
                       "health": {"status": "Healthy", "message": "m", "lastTransitionTime": TIME}, "hook": true,
                       "requiresPruning": true, "syncWave": 1, "requiresDeletionConfirmation": true}],
        "sync": {"status": "Synced", "revision": "r", "revisions": ["r"],
                 "comparedTo": {"source": source(), "sources": [source()], "destination": {"name": "n"},
                                "ignoreDifferences": ignored()}},
        "health": {"status": "Healthy", "message": "m", "lastTransitionTime": TIME},
        "history": [{"id": 1, "revision": "r", "revisions": ["r"], "deployedAt": TIME, "deployStartedAt": TIME,
                     "source": source(), "sources": [source()], "initiatedBy": {"username": "u"}}],
        "conditions": [{"type": "SyncError", "message": "m", "lastTransitionTime": TIME}],
        "reconciledAt": TIME, "observedAt": TIME, "sourceType": "Helm", "sourceTypes": ["Helm"],
        "operationState": {
            "operation": operation(), "phase": "Running", "message": "m", "startedAt": TIME, "finishedAt": TIME,
            "retryCount": 1,
            "syncResult": {
                "revision": "r", "revisions": ["r"], "source": source(), "sources": [source()],
                "managedNamespaceMetadata": {"labels": {"a": "b"}},
                "resources": [{"group": "g", "version": "v", "kind": "k", "namespace": "ns", "name": "n",
                               "status": "Synced", "message": "m", "hookType": "Sync", "hookPhase": "Running",
                               "syncPhase": "Sync", "images": ["i"]}],
            },
        },
        "summary": {"externalURLs": ["u"], "images": ["i"], "isAppOfApps": true}, "resourceHealthSource": "appTree",
        "controllerNamespace": "argocd",
        "sourceHydrator": {"lastSuccessfulOperation": done, "currentOperation": current,
                           "lastComparedDryRevision": "r"},
    })
}

fn application() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": {"name": "a", "namespace": "b"},
        "spec": spec(), "status": status(), "operation": operation(),
    })
}

fn project() -> Value {
    let token = json!({"iat": 1, "exp": 2, "id": "i"});
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": {"name": "a", "namespace": "b"},
        "spec": {
            "sourceRepos": ["*"], "destinations": [{"server": "s", "name": "n", "namespace": "ns"}],
            "description": "d", "sourceNamespaces": ["*"], "permitOnlyProjectScopedClusters": true,
            "roles": [{"name": "r", "description": "d", "policies": ["p"], "jwtTokens": [token], "groups": ["g"]}],
            "clusterResourceWhitelist": [{"group": "g", "kind": "k", "name": "n"}],
            "clusterResourceBlacklist": [{"group": "g", "kind": "k", "name": "n"}],
            "namespaceResourceWhitelist": [], "namespaceResourceBlacklist": [{"group": "g", "kind": "k"}],
            "orphanedResources": {"warn": false, "ignore": [{"group": "g", "kind": "k", "name": "n"}]},
            "syncWindows": [{"kind": "allow", "schedule": "* * * * *", "duration": "1h", "applications": ["*"],
                             "namespaces": ["*"], "clusters": ["*"], "manualSync": true, "timeZone": "UTC",
                             "andOperator": true, "description": "d", "syncOverrun": true}],
            "signatureKeys": [{"keyID": "k"}],
            "destinationServiceAccounts": [{"server": "s", "namespace": "n", "defaultServiceAccount": "a"}],
            "sourceIntegrity": {"git": {"policies": [{"repos": [{"url": "u"}], "gpg": {"mode": "head", "keys": ["k"]}}]}},
        },
        "status": {"jwtTokensByRole": {"r": {"items": [token]}}},
    })
}

#[test]
fn every_field_of_an_application_survives() {
    let decoded = decode::<Application>(application());
    assert_eq!(decoded.problems, []);
    assert_eq!(serde_json::to_value(&decoded.object).unwrap(), application());
}

#[test]
fn every_field_of_a_project_survives() {
    let decoded = decode::<AppProject>(project());
    assert_eq!(decoded.problems, []);
    assert_eq!(serde_json::to_value(&decoded.object).unwrap(), project());
}

#[test]
fn the_definitions_take_every_field() {
    for (crd, object) in gitops_crds().into_iter().zip([application(), project()]) {
        let open_api = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
        assert_eq!(structural::check(open_api, &Path::new("schema")), []);
        assert!(crd.to_string().len() < 200_000);
        let schema = schema::from_crd(Some(open_api));
        let mut kept = object.clone();
        assert_eq!(schema::prune(&mut kept, &schema), Vec::<String>::new());
        assert_eq!(schema::validate(&object, None, &schema), []);
    }
}

#[test]
fn a_wrong_field_of_an_application_is_dropped_and_reported() {
    let mut object = application();
    object["spec"]["syncPolicy"]["automated"] = json!("yes");
    let decoded = decode::<Application>(object);
    assert_eq!(decoded.problems.len(), 1);
    assert_eq!(decoded.problems[0].path, "spec.syncPolicy.automated");
    assert_eq!(decoded.object.spec.project, "p");
}
