//! `apps`, `batch`, `autoscaling`, `policy`.

pub(super) const MESSAGES: &str = "
apps.v1.Deployment apps.v1.ReplicaSet apps.v1.StatefulSet apps.v1.DaemonSet: metadata spec status
apps.v1.ControllerRevision: metadata data revision
apps.v1.DeploymentSpec: replicas selector template strategy minReadySeconds revisionHistoryLimit paused progressDeadlineSeconds=9
apps.v1.DeploymentStrategy apps.v1.StatefulSetUpdateStrategy apps.v1.DaemonSetUpdateStrategy: type rollingUpdate
apps.v1.RollingUpdateDeployment apps.v1.RollingUpdateDaemonSet: maxUnavailable maxSurge
apps.v1.DeploymentStatus: observedGeneration replicas updatedReplicas availableReplicas unavailableReplicas conditions readyReplicas collisionCount terminatingReplicas
apps.v1.DeploymentCondition: type status reason=4 message lastUpdateTime lastTransitionTime
apps.v1.ReplicaSetSpec: replicas selector template minReadySeconds
apps.v1.ReplicaSetStatus: replicas fullyLabeledReplicas observedGeneration readyReplicas availableReplicas conditions terminatingReplicas
apps.v1.ReplicaSetCondition apps.v1.StatefulSetCondition apps.v1.DaemonSetCondition: type status lastTransitionTime reason message
apps.v1.StatefulSetSpec: replicas selector template volumeClaimTemplates serviceName podManagementPolicy updateStrategy revisionHistoryLimit minReadySeconds persistentVolumeClaimRetentionPolicy ordinals
apps.v1.RollingUpdateStatefulSetStrategy: partition maxUnavailable
apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicy: whenDeleted whenScaled
apps.v1.StatefulSetOrdinals: start
apps.v1.StatefulSetStatus: observedGeneration replicas readyReplicas currentReplicas updatedReplicas currentRevision updateRevision collisionCount=9 conditions availableReplicas
apps.v1.DaemonSetSpec: selector template updateStrategy minReadySeconds revisionHistoryLimit=6
apps.v1.DaemonSetStatus: currentNumberScheduled numberMisscheduled desiredNumberScheduled numberReady observedGeneration updatedNumberScheduled numberAvailable numberUnavailable collisionCount conditions

batch.v1.Job batch.v1.CronJob: metadata spec status
batch.v1.JobTemplateSpec: metadata spec
batch.v1.JobSpec: parallelism completions activeDeadlineSeconds selector manualSelector template backoffLimit ttlSecondsAfterFinished completionMode suspend podFailurePolicy backoffLimitPerIndex maxFailedIndexes podReplacementPolicy managedBy successPolicy
batch.v1.JobStatus: conditions startTime completionTime active succeeded failed completedIndexes uncountedTerminatedPods ready failedIndexes terminating
batch.v1.JobCondition: type status lastProbeTime lastTransitionTime reason message
batch.v1.UncountedTerminatedPods: succeeded failed
batch.v1.PodFailurePolicy batch.v1.SuccessPolicy: rules
batch.v1.PodFailurePolicyRule: action onExitCodes onPodConditions
batch.v1.PodFailurePolicyOnExitCodesRequirement: containerName operator values
batch.v1.PodFailurePolicyOnPodConditionsPattern: type status
batch.v1.SuccessPolicyRule: succeededIndexes succeededCount
batch.v1.CronJobSpec: schedule startingDeadlineSeconds concurrencyPolicy suspend jobTemplate successfulJobsHistoryLimit failedJobsHistoryLimit timeZone
batch.v1.CronJobStatus: active lastScheduleTime=4 lastSuccessfulTime

autoscaling.v1.Scale autoscaling.v1.HorizontalPodAutoscaler autoscaling.v2.HorizontalPodAutoscaler: metadata spec status
autoscaling.v1.ScaleSpec: replicas
autoscaling.v1.ScaleStatus: replicas selector
autoscaling.v1.CrossVersionObjectReference autoscaling.v2.CrossVersionObjectReference: kind name apiVersion
autoscaling.v1.HorizontalPodAutoscalerSpec: scaleTargetRef minReplicas maxReplicas targetCPUUtilizationPercentage
autoscaling.v1.HorizontalPodAutoscalerStatus: observedGeneration lastScaleTime currentReplicas desiredReplicas currentCPUUtilizationPercentage
autoscaling.v2.HorizontalPodAutoscalerSpec: scaleTargetRef minReplicas maxReplicas metrics behavior
autoscaling.v2.HorizontalPodAutoscalerStatus: observedGeneration lastScaleTime currentReplicas desiredReplicas currentMetrics conditions
autoscaling.v2.HorizontalPodAutoscalerCondition: type status lastTransitionTime reason message
autoscaling.v2.HorizontalPodAutoscalerBehavior: scaleUp scaleDown
autoscaling.v2.HPAScalingRules: selectPolicy policies stabilizationWindowSeconds tolerance
autoscaling.v2.HPAScalingPolicy: type value periodSeconds
autoscaling.v2.MetricSpec autoscaling.v2.MetricStatus: type object pods resource external containerResource=7
autoscaling.v2.ObjectMetricSource: describedObject target metric
autoscaling.v2.PodsMetricSource autoscaling.v2.ExternalMetricSource: metric target
autoscaling.v2.ResourceMetricSource: name target
autoscaling.v2.ContainerResourceMetricSource: name target container
autoscaling.v2.ObjectMetricStatus: metric current describedObject
autoscaling.v2.PodsMetricStatus autoscaling.v2.ExternalMetricStatus: metric current
autoscaling.v2.ResourceMetricStatus: name current
autoscaling.v2.ContainerResourceMetricStatus: name current container
autoscaling.v2.MetricIdentifier: name selector
autoscaling.v2.MetricTarget: type value averageValue averageUtilization
autoscaling.v2.MetricValueStatus: value averageValue averageUtilization

policy.v1.PodDisruptionBudget: metadata spec status
policy.v1.PodDisruptionBudgetSpec: minAvailable selector maxUnavailable unhealthyPodEvictionPolicy
policy.v1.PodDisruptionBudgetStatus: observedGeneration disruptedPods disruptionsAllowed currentHealthy desiredHealthy expectedPods conditions
policy.v1.Eviction: metadata deleteOptions
";
