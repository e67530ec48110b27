# bench with everything that workers and schedulers need. No key is built in: all settings come from the environment.
FROM python:3.11-slim
COPY . /opt/bench
RUN pip install --no-cache-dir '/opt/bench[local,postgres,s3,notify]' && useradd --create-home bench
USER bench
WORKDIR /home/bench
# Python must pass signals on and leave no zombies, which is what `init: true` and Kubernetes' pause process are for.
ENTRYPOINT ["bench"]
CMD ["--help"]
