# MLflow's own server, for compose.yaml: its runs in PostgreSQL, its artifacts in a volume.
FROM python:3.11-slim
RUN pip install --no-cache-dir "mlflow>=3.17" "psycopg2-binary>=2.9"
