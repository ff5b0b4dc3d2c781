# The server, which listens on port 8080 and keeps everything in /data, or in PostgreSQL: see docs/serving.md.
FROM python:3.11-slim

WORKDIR /app
COPY pyproject.toml setup.cfg constraints.txt README.md LICENSE pytest_dialogue_gym.py ./
COPY dialogue_gym ./dialogue_gym
# The learner's network is small: PyTorch without CUDA is a tenth of the size, and as fast.
RUN pip install --no-cache-dir --constraint constraints.txt \
    --extra-index-url https://download.pytorch.org/whl/cpu ".[web,live,nlu,postgres,slack]"

RUN useradd --create-home bot && install --directory --owner bot --mode 700 /data
USER bot
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=2m CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health/ready')"]
ENTRYPOINT ["dialogue-gym", "serve"]
CMD ["restaurant", "--talk", "--no-open", "--host", "0.0.0.0", "--port", "8080", "--store", "/data/store", "--log-json"]
