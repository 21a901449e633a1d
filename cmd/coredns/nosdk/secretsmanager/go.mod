module github.com/aws/aws-sdk-go-v2/service/secretsmanager

go 1.26.0
