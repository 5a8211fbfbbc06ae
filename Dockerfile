# The image of Dataflow's workers: Beam's harness, and bertdata's four packages as this checkout has them.
#   docker build -t REGION-docker.pkg.dev/PROJECT/REPOSITORY/bertdata:0.1.0 . && docker push …
# The versions are those that the launching machine needs too: output bytes depend on some of them (constraints.txt).
FROM apache/beam_python3.11_sdk:2.77.0

COPY pyproject.toml constraints.txt README.md LICENSE /src/
COPY bertdata /src/bertdata
COPY pipelines /src/pipelines
COPY trainer /src/trainer
COPY cli /src/cli
RUN pip install --no-cache-dir -c /src/constraints.txt "/src[gcp]" && rm -rf /src

# One thread a process: Dataflow starts a process a core.
ENV OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 RAYON_NUM_THREADS=1 POLARS_MAX_THREADS=1 \
    TOKENIZERS_PARALLELISM=false

ENTRYPOINT ["/opt/apache/beam/boot"]
