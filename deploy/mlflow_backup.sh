#!/bin/sh
# Save MLflow's databases and artifacts to one archive with checksums, or restore them from it:
#   mlflow_backup.sh save FILE | mlflow_backup.sh restore FILE [--replace]
# PGHOST, PGUSER, DATABASES, PASSWORD_FILE and ARTIFACTS say of what. The password is in the environment only.
set -eu
umask 077

fail() {
    echo "$1" >&2
    exit 2
}

save() {
    [ ! -e "$1" ] || fail "$1 exists: name a new file."
    # Databases first: whatever they name is then among the artifacts, which are never changed.
    for database in $DATABASES; do
        pg_dump --no-password --format=custom --no-owner --no-privileges --file="$work/$database.dump" "$database"
    done
    (cd "$ARTIFACTS" && tar -cf "$work/artifacts.tar" .)
    (cd "$work" && sha256sum ./*.dump artifacts.tar >SHA256SUMS && tar -cf "$work/all.tar" SHA256SUMS ./*.dump artifacts.tar)
    mv "$work/all.tar" "$1"
    echo "MLflow's databases and artifacts: $1"
}

restore() {
    [ -f "$1" ] || fail "There is no archive $1."
    tar -xf "$1" -C "$work" || fail "$1 cannot be read; nothing was changed."
    (cd "$work" && sha256sum -c SHA256SUMS >/dev/null) || fail "$1 is damaged; nothing was changed."
    for database in $DATABASES; do
        [ -f "$work/$database.dump" ] || fail "$1 has no database $database; nothing was changed."
        others="select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        [ "$(psql --no-password -qtA -c "$others" "$database")" = 0 ] || fail "$database is in use: docker compose stop mlflow."
    done
    [ -z "$(ls -A "$ARTIFACTS")" ] || [ "${2:-}" = --replace ] || fail "There are artifacts already: add --replace to replace them."
    for database in $DATABASES; do
        pg_restore --no-password --clean --if-exists --no-owner --no-privileges --single-transaction --exit-on-error \
            --dbname="$database" "$work/$database.dump"
    done
    find "$ARTIFACTS" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
    tar -xf "$work/artifacts.tar" -C "$ARTIFACTS"
    echo "MLflow is restored from $1: docker compose start mlflow."
}

[ "$#" -ge 2 ] || fail "Give save FILE, or restore FILE."
PGPASSWORD=$(cat "$PASSWORD_FILE")
export PGPASSWORD
work=$(mktemp -d "$(dirname "$2")/.mlflow.XXXXXX")
trap 'rm -rf "$work"' EXIT
case "$1" in
save) save "$2" ;;
restore) restore "$2" "${3:-}" ;;
*) fail "Give save FILE, or restore FILE; found $1." ;;
esac
