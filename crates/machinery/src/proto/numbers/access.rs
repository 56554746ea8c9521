//! `rbac`, `authentication`, `authorization`, `admissionregistration`.

pub(super) const MESSAGES: &str = "
rbac.v1.Role: metadata rules
rbac.v1.ClusterRole: metadata rules aggregationRule
rbac.v1.RoleBinding rbac.v1.ClusterRoleBinding: metadata subjects roleRef
rbac.v1.PolicyRule: verbs apiGroups resources resourceNames nonResourceURLs
rbac.v1.Subject: kind apiGroup name namespace
rbac.v1.RoleRef: apiGroup kind name
rbac.v1.AggregationRule: clusterRoleSelectors

authentication.v1.TokenReview authentication.v1.TokenRequest: metadata spec status
authentication.v1.SelfSubjectReview: metadata status
authentication.v1.SelfSubjectReviewStatus: userInfo
authentication.v1.TokenReviewSpec: token audiences
authentication.v1.TokenReviewStatus: authenticated user error audiences
authentication.v1.UserInfo: username uid groups extra
authentication.v1.TokenRequestSpec: audiences boundObjectRef=3 expirationSeconds
authentication.v1.TokenRequestStatus: token expirationTimestamp
authentication.v1.BoundObjectReference: kind apiVersion name uid

authorization.v1.SubjectAccessReview authorization.v1.SelfSubjectAccessReview: metadata spec status
authorization.v1.LocalSubjectAccessReview authorization.v1.SelfSubjectRulesReview: metadata spec status
authorization.v1.SubjectAccessReviewSpec: resourceAttributes nonResourceAttributes user groups extra uid
authorization.v1.SelfSubjectAccessReviewSpec: resourceAttributes nonResourceAttributes
authorization.v1.SubjectAccessReviewStatus: allowed reason evaluationError denied
authorization.v1.ResourceAttributes: namespace verb group version resource subresource name fieldSelector labelSelector
authorization.v1.LabelSelectorAttributes authorization.v1.FieldSelectorAttributes: rawSelector requirements
authorization.v1.NonResourceAttributes: path verb
authorization.v1.SelfSubjectRulesReviewSpec: namespace
authorization.v1.SubjectRulesReviewStatus: resourceRules nonResourceRules incomplete evaluationError
authorization.v1.ResourceRule: verbs apiGroups resources resourceNames
authorization.v1.NonResourceRule: verbs nonResourceURLs

admissionregistration.v1.ValidatingWebhookConfiguration admissionregistration.v1.MutatingWebhookConfiguration: metadata webhooks
admissionregistration.v1.ValidatingWebhook: name clientConfig rules failurePolicy namespaceSelector sideEffects timeoutSeconds admissionReviewVersions matchPolicy objectSelector matchConditions
admissionregistration.v1.MutatingWebhook: name clientConfig rules failurePolicy namespaceSelector sideEffects timeoutSeconds admissionReviewVersions matchPolicy reinvocationPolicy objectSelector matchConditions
admissionregistration.v1.Rule: apiGroups apiVersions resources scope
admissionregistration.v1.RuleWithOperations: operations ^admissionregistration.v1.Rule
admissionregistration.v1.NamedRuleWithOperations: resourceNames ^admissionregistration.v1.RuleWithOperations
admissionregistration.v1.WebhookClientConfig: service caBundle url
admissionregistration.v1.ServiceReference: namespace name path port
admissionregistration.v1.MatchCondition admissionregistration.v1.Variable: name expression
admissionregistration.v1.ValidatingAdmissionPolicy: metadata spec status
admissionregistration.v1.ValidatingAdmissionPolicySpec: paramKind matchConstraints validations failurePolicy auditAnnotations matchConditions variables
admissionregistration.v1.ValidatingAdmissionPolicyStatus: observedGeneration typeChecking conditions
admissionregistration.v1.TypeChecking: expressionWarnings
admissionregistration.v1.ExpressionWarning: fieldRef=2 warning
admissionregistration.v1.ParamKind: apiVersion kind
admissionregistration.v1.ParamRef: name namespace selector parameterNotFoundAction
admissionregistration.v1.Validation: expression message reason messageExpression
admissionregistration.v1.AuditAnnotation: key valueExpression
admissionregistration.v1.MatchResources: namespaceSelector objectSelector resourceRules excludeResourceRules matchPolicy=7
admissionregistration.v1.ValidatingAdmissionPolicyBinding: metadata spec
admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec: policyName paramRef matchResources validationActions
";
