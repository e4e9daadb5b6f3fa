#!/bin/sh
# Prints the settings of deploy/compose.yaml with fresh secrets. Keep the result out of version control.
set -eu
secret() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
cat <<EOF
OWNER_PASSWORD=$(secret 24)
RUNTIME_PASSWORD=$(secret 24)
SECRET_KEY=$(secret 32)
KEY_ENCRYPTION_KEYS=$(secret 32)
WORKER_TOKEN=usw_$(secret 32)
ADMIN_EMAIL=${ADMIN_EMAIL:-admin@localhost.localdomain}
ADMIN_PASSWORD=$(secret 12)
SECOND_ADMIN_EMAIL=${SECOND_ADMIN_EMAIL:-second-admin@localhost.localdomain}
SECOND_ADMIN_PASSWORD=$(secret 12)
SITE_ADDRESS=${SITE_ADDRESS:-localhost}
OIDC_ISSUER=${OIDC_ISSUER:-}
OIDC_CLIENT_ID=${OIDC_CLIENT_ID:-}
OIDC_CLIENT_SECRET=${OIDC_CLIENT_SECRET:-}
OIDC_REDIRECT_URL=${OIDC_REDIRECT_URL:-}
OIDC_NAME=${OIDC_NAME:-}
OIDC_SECOND_FACTOR=${OIDC_SECOND_FACTOR:-}
CPU_LANES=1
GPU_LANES=1
EOF
